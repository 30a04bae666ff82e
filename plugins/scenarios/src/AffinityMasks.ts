/**
 * Workers that set their own affinity, and change it.
 *
 * @since 0.1.0
 */
import {
  Affinity,
  Backdrop,
  CpusetSpec,
  executeSteps,
  executeStepsWith,
  HoldSpec,
  Op,
  type Scenario,
  Step
} from "@ktstr/core"
import { half, inCategory, perCpu, quarter, spinning, working } from "./internal/shapes.ts"

const scenario = inCategory("affinity")

/** Masks give workers of one cgroup CPUs with different loads, so their spread says nothing about the scheduler. */
const unlike = { maxSpreadPct: false } as const

/**
 * @since 0.1.0
 * @category scenarios
 */
export const affinity: ReadonlyArray<Scenario> = [
  scenario({
    name: "change",
    description:
      "the workers of a cgroup are kept to single CPUs, to pairs, to LLCs, and set free, beside a free cgroup",
    needs: { cpus: 2 },
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [Affinity.SingleCpu, Affinity.RandomSubset(2), Affinity.LlcAligned, Affinity.Inherit].map((kind) =>
          Step.new([Op.SetAffinity(ctx.cgroupName(0), kind)], quarter).named(kind._tag)
        ),
        unlike,
        Backdrop.withDefs([spinning(ctx, 0), spinning(ctx, 1)])
      )
  }),
  scenario({
    name: "multiCpuPin",
    description: "each worker of two cgroups is pinned to two CPUs that the seed chooses",
    needs: { cpus: 2 },
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [
          Step.withDefs(
            [0, 1].map((index) => spinning(ctx, index).affinity(Affinity.RandomSubset(2))),
            HoldSpec.FULL
          )
        ],
        { ...unlike, isolation: ctx.topo.allCpus.size > 2 }
      )
  }),
  scenario({
    name: "withCpuset",
    description: "the workers of two cgroups with cpusets are pinned within them, then set free again",
    needs: { cpus: 4 },
    build: (ctx) => {
      const masks = (kind: typeof Affinity.Inherit) =>
        [0, 1].map((index) => Op.SetAffinity(ctx.cgroupName(index), kind))
      return executeStepsWith(
        ctx,
        [
          Step.new(masks(Affinity.SingleCpu), half).named("pinned"),
          Step.new(masks(Affinity.Inherit), half).named("free")
        ],
        { isolation: true },
        Backdrop.withDefs([0, 1].map((index) => spinning(ctx, index).withCpuset(CpusetSpec.Disjoint(index, 2))))
      )
    }
  }),
  scenario({
    name: "crossCgroup",
    description: "the workers of two cgroups ask for all CPUs, and only their cpusets hold them",
    needs: { cpus: 2 },
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [
          Step.withDefs(
            [0, 1].map((index) =>
              spinning(ctx, index).affinity(Affinity.CrossCgroup).withCpuset(CpusetSpec.Disjoint(index, 2))
            ),
            HoldSpec.FULL
          )
        ],
        { isolation: true }
      )
  }),
  scenario({
    name: "singleCpu",
    description: "two workers per CPU, each pinned to one CPU",
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [Step.withDefs([spinning(ctx, 0).workers(perCpu(ctx, 2)).affinity(Affinity.SingleCpu)], HoldSpec.FULL)],
        { isolation: ctx.topo.allCpus.size > 1 }
      )
  }),
  scenario({
    name: "churn",
    description: "workers that pin themselves to another CPU all the time, beside spinning ones",
    build: (ctx) =>
      executeSteps(ctx, [Step.withDefs([spinning(ctx, 0), working(ctx, 1, "AffinityChurn")], HoldSpec.FULL)])
  })
]
