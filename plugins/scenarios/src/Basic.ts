/**
 * Cgroups that run side by side, with every mixture of loads.
 *
 * @since 0.1.0
 */
import {
  Backdrop,
  CgroupDef,
  executeDefs,
  executeSteps,
  executeStepsWith,
  HoldSpec,
  Op,
  type Scenario,
  Step,
  WorkTypeRef
} from "@ktstr/core"
import { half, inCategory, judged, offByThemselves, perCpu, spinning, working } from "./internal/shapes.ts"

const scenario = inCategory("basic")

/**
 * @since 0.1.0
 * @category scenarios
 */
export const basic: ReadonlyArray<Scenario> = [
  scenario({
    name: "pipeIo",
    description: "two cgroups whose workers wake each other in pairs through pipes",
    build: (ctx) => executeDefs(ctx, [working(ctx, 0, "PipeIo", 2), working(ctx, 1, "PipeIo", 2)])
  }),
  scenario({
    name: "mixed",
    description: "spinning, bursty, writing and yielding workers, a cgroup each",
    build: (ctx) =>
      judged(ctx, offByThemselves, [
        spinning(ctx, 0),
        working(ctx, 1, "Bursty"),
        working(ctx, 2, "IoSyncWrite"),
        working(ctx, 3, "YieldHeavy")
      ])
  }),
  scenario({
    name: "hostContention",
    description: "a cgroup of bursty workers against spinning workers in the root cgroup, one per CPU",
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [Step.new([], HoldSpec.FULL)],
        offByThemselves,
        Backdrop.withDefs([working(ctx, 0, "Bursty")]).setOps([Op.SpawnHost({ workers: perCpu(ctx, 1) })])
      )
  }),
  scenario({
    name: "loadImbalance",
    description: "a cgroup with four spinning workers per CPU beside one with a single worker",
    build: (ctx) => executeDefs(ctx, [spinning(ctx, 0).workers(perCpu(ctx, 4)), spinning(ctx, 1).workers(1)])
  }),
  scenario({
    name: "allLoaded",
    description: "every CPU has a spinning worker of each of two cgroups to run",
    build: (ctx) =>
      executeDefs(
        ctx,
        [0, 1].map((index) => spinning(ctx, index).workers(perCpu(ctx, 1)))
      )
  }),
  scenario({
    name: "idleVsOverloaded",
    description: "a cgroup that sleeps nearly all the time beside one with four workers per CPU that spin and yield",
    build: (ctx) =>
      executeDefs(ctx, [
        CgroupDef.named(ctx.cgroupName(0)).workType(
          WorkTypeRef.of("Bursty", { burst: "1 millis", sleep: "50 millis" })
        ),
        CgroupDef.named(ctx.cgroupName(1)).workType("Mixed").workers(perCpu(ctx, 4))
      ])
  }),
  scenario({
    name: "burstyImbalance",
    description: "a cgroup with two bursty workers per CPU beside one with a single spinning worker",
    build: (ctx) => executeDefs(ctx, [working(ctx, 0, "Bursty").workers(perCpu(ctx, 2)), spinning(ctx, 1).workers(1)])
  }),
  scenario({
    name: "burstyShift",
    description: "a load of one bursty worker per CPU moves from one cgroup to another at half time",
    build: (ctx) => {
      const burst = {
        workType: WorkTypeRef.of("Bursty", { burst: "20 millis", sleep: "20 millis" }),
        workers: perCpu(ctx, 1)
      }
      return executeSteps(
        ctx,
        [0, 1].map((index) =>
          Step.new([Op.AddCgroup(ctx.cgroupName(index)), Op.Spawn(ctx.cgroupName(index), burst)], half).named(
            index === 0 ? "here" : "there"
          )
        )
      )
    }
  })
]
