/**
 * Cgroups that appear, disappear and change while others run.
 *
 * @since 0.1.0
 */
import { Backdrop, CgroupDef, CpusetSpec, executeStepsWith, HoldSpec, Op, type Scenario, Step } from "@ktstr/core"
import {
  half,
  inCategory,
  ofDifferentTimes,
  perCpu,
  quarter,
  spinning,
  third,
  unevenlyPlaced
} from "./internal/shapes.ts"

const scenario = inCategory("dynamic")

/**
 * @since 0.1.0
 * @category scenarios
 */
export const dynamic: ReadonlyArray<Scenario> = [
  scenario({
    name: "add",
    description: "one cgroup of spinning workers runs throughout, one more joins, then three more",
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [
          Step.new([], third).named("alone"),
          Step.withDefs([spinning(ctx, 1)], third).named("two"),
          Step.withDefs(
            [2, 3, 4].map((index) => spinning(ctx, index)),
            third
          ).named("four")
        ],
        unevenlyPlaced,
        Backdrop.withDefs([spinning(ctx, 0)])
      )
  }),
  scenario({
    name: "remove",
    description: "four cgroups of spinning workers are stopped and removed one by one",
    build: (ctx) => {
      const leave = (index: number) => [Op.StopCgroup(ctx.cgroupName(index)), Op.RemoveCgroup(ctx.cgroupName(index))]
      return executeStepsWith(
        ctx,
        [Step.new([], quarter), ...[3, 2, 1].map((index) => Step.new(leave(index), quarter))],
        {},
        Backdrop.withDefs([0, 1, 2, 3].map((index) => spinning(ctx, index)))
      )
    }
  }),
  scenario({
    name: "addDuringImbalance",
    description: "a cgroup with a single worker joins one that has four per CPU, and must get its share at once",
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [Step.new([], half), Step.withDefs([spinning(ctx, 1).workers(1)], half)],
        unevenlyPlaced,
        Backdrop.withDefs([spinning(ctx, 0).workers(perCpu(ctx, 4))])
      )
  }),
  scenario({
    name: "cpusetAdd",
    description: "a third cgroup with a cpuset of its own joins two, which make room for it",
    needs: { cpus: 4 },
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [
          Step.new([], half).named("halves"),
          Step.new(
            [0, 1].map((index) => Op.SetCpuset(ctx.cgroupName(index), CpusetSpec.Disjoint(index, 3))),
            half
          )
            .setDefs([spinning(ctx, 2).withCpuset(CpusetSpec.Disjoint(2, 3))])
            .named("thirds")
        ],
        { isolation: true },
        Backdrop.withDefs([0, 1].map((index) => spinning(ctx, index).withCpuset(CpusetSpec.Disjoint(index, 2))))
      )
  }),
  scenario({
    name: "cpusetRemove",
    description: "of three cgroups on thirds of the CPUs one is removed, and the others take over its CPUs",
    needs: { cpus: 4 },
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [
          Step.new([], half).named("thirds"),
          Step.new(
            [
              Op.StopCgroup(ctx.cgroupName(2)),
              Op.RemoveCgroup(ctx.cgroupName(2)),
              ...[0, 1].map((index) => Op.SetCpuset(ctx.cgroupName(index), CpusetSpec.Disjoint(index, 2)))
            ],
            half
          ).named("halves")
        ],
        { isolation: true },
        Backdrop.withDefs([0, 1, 2].map((index) => spinning(ctx, index).withCpuset(CpusetSpec.Disjoint(index, 3))))
      )
  }),
  scenario({
    name: "rapidChurn",
    description: "beside a steady cgroup another one is removed and made anew, with a worker, every 100 ms",
    build: (ctx) => {
      const brief = ctx.cgroupName(1)
      const anew = [Op.StopCgroup(brief), Op.RemoveCgroup(brief), Op.AddCgroup(brief), Op.Spawn(brief, { workers: 1 })]
      return executeStepsWith(
        ctx,
        [Step.new(anew, HoldSpec.Loop("100 millis")).setDefs([spinning(ctx, 1).workers(1)])],
        ofDifferentTimes,
        Backdrop.withDefs([spinning(ctx, 0)])
      )
    }
  }),
  scenario({
    name: "freezeThaw",
    description: "one of two cgroups is frozen for 100 ms, thawed, and frozen again",
    build: (ctx) => {
      const brief = HoldSpec.Fixed("100 millis")
      const frozen = Step.new([Op.FreezeCgroup(ctx.cgroupName(1))], brief).named("frozen")
      const thawed = Step.new([Op.UnfreezeCgroup(ctx.cgroupName(1))], third).named("thawed")
      return executeStepsWith(
        ctx,
        [Step.new([], third), frozen, thawed, frozen, thawed],
        {},
        Backdrop.withDefs([spinning(ctx, 0), spinning(ctx, 1)])
      )
    }
  }),
  scenario({
    name: "bandwidth",
    description: "one of two cgroups is limited to a fifth of a CPU for a while, then set free",
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [
          Step.new([], third).named("free"),
          Step.new([Op.SetBandwidth(ctx.cgroupName(1), 20_000)], third).named("limited"),
          Step.new([Op.SetBandwidth(ctx.cgroupName(1), "max")], third).named("free again")
        ],
        // The kernel hands out quota in slices of 5 ms (sched_cfs_bandwidth_slice_us), unevenly between workers.
        { maxSpreadPct: 35 },
        Backdrop.withDefs([spinning(ctx, 0), spinning(ctx, 1)])
      )
  }),
  scenario({
    name: "weights",
    description: "two cgroups that fill every CPU have weights 1000 and 100, which they exchange at half time",
    build: (ctx) => {
      const weigh = (a: number, b: number) => [Op.SetWeight(ctx.cgroupName(0), a), Op.SetWeight(ctx.cgroupName(1), b)]
      return executeStepsWith(
        ctx,
        [Step.new(weigh(1000, 100), half), Step.new(weigh(100, 1000), half)],
        {},
        Backdrop.withDefs([0, 1].map((index) => CgroupDef.named(ctx.cgroupName(index)).workers(perCpu(ctx, 1))))
      )
    }
  })
]
