/**
 * Cpusets that exist from the start, appear, disappear, grow, shrink and swap. No worker may run outside its cpuset.
 *
 * @since 0.1.0
 */
import {
  Affinity,
  Backdrop,
  CgroupDef,
  CpusetSpec,
  executeStepsWith,
  HoldSpec,
  MemPolicy,
  Op,
  type Scenario,
  Step
} from "@ktstr/core"
import { half, inCategory, perCpu, quarter, spinning, third } from "./internal/shapes.ts"

const scenario = inCategory("cpuset")

const isolated = { isolation: true }

/**
 * @since 0.1.0
 * @category scenarios
 */
export const cpuset: ReadonlyArray<Scenario> = [
  scenario({
    name: "apply",
    description: "three cgroups that run anywhere get a third of the CPUs each, one after the other",
    needs: { cpus: 4 },
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [0, 1, 2].map((index) => Step.new([Op.SetCpuset(ctx.cgroupName(index), CpusetSpec.Disjoint(index, 3))], third)),
        isolated,
        Backdrop.withDefs([0, 1, 2].map((index) => spinning(ctx, index)))
      )
  }),
  scenario({
    name: "clear",
    description: "two of three cgroups on thirds of the CPUs lose their cpusets, the last one keeps its own",
    needs: { cpus: 4 },
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [
          Step.new([], third).named("thirds"),
          Step.new([Op.ClearCpuset(ctx.cgroupName(0))], third).named("one is free"),
          Step.new([Op.ClearCpuset(ctx.cgroupName(1))], third).named("two are free")
        ],
        isolated,
        Backdrop.withDefs([0, 1, 2].map((index) => spinning(ctx, index).withCpuset(CpusetSpec.Disjoint(index, 3))))
      )
  }),
  scenario({
    name: "resize",
    description: "the border between two cpusets wanders from the middle up, down and back",
    needs: { cpus: 4 },
    build: (ctx) => {
      const borderAt = (frac: number) => [
        Op.SetCpuset(ctx.cgroupName(0), CpusetSpec.Range(0, frac)),
        Op.SetCpuset(ctx.cgroupName(1), CpusetSpec.Range(frac, 1))
      ]
      return executeStepsWith(
        ctx,
        [1 / 2, 2 / 3, 1 / 3, 1 / 2].map((frac) => Step.new(borderAt(frac), quarter)),
        isolated,
        Backdrop.withDefs([spinning(ctx, 0), spinning(ctx, 1)])
      )
    }
  }),
  scenario({
    name: "swapDisjoint",
    description: "two cgroups on disjoint halves of the CPUs change places three times",
    needs: { cpus: 2 },
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [
          Step.new([], quarter),
          ...[1, 2, 3].map(() => Step.new([Op.SwapCpusets(ctx.cgroupName(0), ctx.cgroupName(1))], quarter))
        ],
        isolated,
        Backdrop.withDefs([0, 1].map((index) => spinning(ctx, index).withCpuset(CpusetSpec.Disjoint(index, 2))))
      )
  }),
  scenario({
    name: "numaSwap",
    description: "two cgroups, each on a NUMA node of its own, change nodes at half time",
    needs: { numaNodes: 2, cpus: 2 },
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [
          Step.new([], half).named("at home"),
          Step.new([Op.SwapCpusets(ctx.cgroupName(0), ctx.cgroupName(1))], half).named("away")
        ],
        isolated,
        Backdrop.withDefs([0, 1].map((index) => spinning(ctx, index).withCpuset(CpusetSpec.Numa(index))))
      )
  }),
  scenario({
    name: "numaBind",
    description: "a cgroup on each of two NUMA nodes faults in pages that are bound to its node",
    needs: { numaNodes: 2, cpus: 2 },
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [
          Step.withDefs(
            [0, 1].map((node) =>
              CgroupDef.named(ctx.cgroupName(node))
                .workType("PageFaultChurn")
                .withCpuset(CpusetSpec.Numa(node))
                .memPolicy(MemPolicy.Bind(node))
            ),
            HoldSpec.FULL
          )
        ],
        isolated
      )
  }),
  scenario({
    name: "loadShift",
    description: "two spinning workers per CPU move from one half of the CPUs to the other",
    needs: { cpus: 2 },
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [0, 1].map((index) =>
          Step.withDefs([spinning(ctx, index).workers(perCpu(ctx, 1)).withCpuset(CpusetSpec.Disjoint(index, 2))], half)
        ),
        isolated
      )
  }),
  scenario({
    name: "overlapImbalance",
    description: "a crowded cgroup and one with a single worker have cpusets that reach into each other",
    needs: { cpus: 4 },
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [
          Step.withDefs(
            [perCpu(ctx, 2), 1].map((workers, index) =>
              spinning(ctx, index)
                .workers(workers)
                .withCpuset(CpusetSpec.Overlap(index, 2, 0.5))
            ),
            HoldSpec.FULL
          )
        ],
        isolated
      )
  }),
  scenario({
    name: "llcAffinity",
    description: "a cgroup on all CPUs whose workers are kept to one LLC each, worker by worker",
    needs: { llcs: 2 },
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [Step.withDefs([spinning(ctx, 0).workers(perCpu(ctx, 1)).affinity(Affinity.LlcAligned)], HoldSpec.FULL)],
        isolated
      )
  }),
  scenario({
    name: "llcOverflow",
    description:
      "four times the spinning workers that the CPUs of the first LLC can run, none of the other LLCs may help",
    needs: { llcs: 2 },
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [
          Step.withDefs(
            [
              spinning(ctx, 0)
                .workers(4 * ctx.topo.cpusInLlc(0).size)
                .withCpuset(CpusetSpec.Llc(0)),
              spinning(ctx, 1).workers(1).withCpuset(CpusetSpec.Llc(1))
            ],
            HoldSpec.FULL
          )
        ],
        isolated
      )
  })
]
