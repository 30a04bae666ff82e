/**
 * Cgroups with different work, weights and policies that compete.
 *
 * @since 0.1.0
 */
import {
  Backdrop,
  CgroupDef,
  executeDefs,
  executeStepsWith,
  HoldSpec,
  Op,
  type Scenario,
  SchedPolicy,
  Step,
  WorkTypeRef
} from "@ktstr/core"
import {
  inCategory,
  judged,
  ofDifferentTimes,
  offByThemselves,
  perCpu,
  quarter,
  spinning,
  unevenlyPlaced,
  working
} from "./internal/shapes.ts"

const scenario = inCategory("interaction")

/**
 * @since 0.1.0
 * @category scenarios
 */
export const interaction: ReadonlyArray<Scenario> = [
  scenario({
    name: "imbalance4way",
    description: "four cgroups with 1, 2, 4 and 8 spinning workers",
    build: (ctx) =>
      executeDefs(
        ctx,
        [1, 2, 4, 8].map((workers, index) => spinning(ctx, index).workers(workers))
      )
  }),
  scenario({
    name: "ioVsCompute",
    description: "writing and reading workers in one cgroup, a spinning worker per CPU in another",
    build: (ctx) =>
      judged(ctx, offByThemselves, [
        working(ctx, 0, "IoSyncWrite").work({ workType: "IoConvoy", workers: 1 }),
        spinning(ctx, 1).workers(perCpu(ctx, 1))
      ])
  }),
  scenario({
    name: "oscillation",
    description: "a load of two spinning workers per CPU swings between two cgroups four times, over a steady third",
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [0, 1, 0, 1].map((index) => Step.withDefs([spinning(ctx, index).workers(perCpu(ctx, 2))], quarter)),
        ofDifferentTimes,
        Backdrop.withDefs([spinning(ctx, 2)])
      )
  }),
  scenario({
    name: "mixed",
    description: "spinning, yielding, paired and bursty workers together in each of two cgroups",
    build: (ctx) =>
      judged(
        ctx,
        offByThemselves,
        [0, 1].map((index) =>
          CgroupDef.named(ctx.cgroupName(index))
            .work({ workType: "SpinWait", workers: 1 })
            .work({ workType: "YieldHeavy", workers: 1 })
            .work({ workType: "FutexPingPong", workers: 2 })
            .work({ workType: "Bursty", workers: 1 })
        )
      )
  }),
  scenario({
    name: "noCpuController",
    description: "a crowded cgroup and a small one without the cpu controller: their workers compete one by one",
    build: (ctx) =>
      executeDefs(
        ctx,
        [perCpu(ctx, 2), ctx.workersPerCgroup].map((workers, index) =>
          spinning(ctx, index).workers(workers).withControllers(["cpuset"])
        )
      )
  }),
  scenario({
    name: "weights",
    description: "three cgroups with a spinning worker per CPU each and weights 400, 200 and 100",
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [
          Step.new(
            [400, 200, 100].map((weight, index) => Op.SetWeight(ctx.cgroupName(index), weight)),
            HoldSpec.FULL
          )
        ],
        unevenlyPlaced,
        Backdrop.withDefs([0, 1, 2].map((index) => spinning(ctx, index).workers(perCpu(ctx, 1))))
      )
  }),
  scenario({
    name: "policies",
    description: "ordinary, batch and idle workers beside real-time ones that work a tenth of the time, a cgroup each",
    build: (ctx) =>
      judged(ctx, offByThemselves, [
        spinning(ctx, 0),
        spinning(ctx, 1).schedPolicy(SchedPolicy.Batch),
        spinning(ctx, 2).schedPolicy(SchedPolicy.Idle),
        CgroupDef.named(ctx.cgroupName(3))
          .workType(WorkTypeRef.of("Bursty", { burst: "5 millis", sleep: "45 millis" }))
          .schedPolicy(SchedPolicy.RoundRobin(10))
      ])
  })
]
