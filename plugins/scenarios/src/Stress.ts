/**
 * Scenarios that break schedulers: races, crowds, reuse, and CPUs that go offline.
 *
 * @since 0.1.0
 */
import {
  Affinity,
  Backdrop,
  CgroupDef,
  CpusetSpec,
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
  half,
  inCategory,
  judged,
  ofDifferentTimes,
  offByThemselves,
  perCpu,
  quarter,
  spinning,
  third
} from "./internal/shapes.ts"

const scenario = inCategory("stress")

/** Every built-in work type, with the number of workers in one group. */
const variety: ReadonlyArray<readonly [workType: string, workers: number]> = [
  ["SpinWait", 1],
  ["YieldHeavy", 1],
  ["Mixed", 1],
  ["IoSyncWrite", 1],
  ["IoRandRead", 1],
  ["IoConvoy", 1],
  ["Bursty", 1],
  ["PipeIo", 2],
  ["FutexPingPong", 2],
  ["CachePressure", 1],
  ["CacheYield", 1],
  ["CachePipe", 2],
  ["FutexFanOut", 5],
  ["FanOutCompute", 5],
  ["Sequence", 1],
  ["ForkExit", 1],
  ["NiceSweep", 1],
  ["AffinityChurn", 1],
  ["PolicyChurn", 1],
  ["PageFaultChurn", 1],
  ["MutexContention", 4]
]

/** Cgroups that are created, removed and created again. */
const crowd = 32

/**
 * @since 0.1.0
 * @category scenarios
 */
export const stress: ReadonlyArray<Scenario> = [
  scenario({
    name: "crossLlcCpusetRace",
    description: "two cgroups on LLCs of their own change places every 20 ms",
    needs: { llcs: 2 },
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [Step.new([Op.SwapCpusets(ctx.cgroupName(0), ctx.cgroupName(1))], HoldSpec.Loop("20 millis"))],
        { isolation: true },
        Backdrop.withDefs([0, 1].map((index) => spinning(ctx, index).withCpuset(CpusetSpec.Llc(index))))
      )
  }),
  scenario({
    name: "workloadVariety",
    description: "every built-in work type at once, a cgroup each",
    build: (ctx) =>
      judged(
        ctx,
        offByThemselves,
        variety.map(([workType, workers], index) =>
          CgroupDef.named(ctx.cgroupName(index)).workType(workType).workers(workers)
        )
      )
  }),
  scenario({
    name: "dsqContention",
    description: "eight workers per CPU that yield all the time, in one cgroup",
    build: (ctx) =>
      executeDefs(ctx, [CgroupDef.named(ctx.cgroupName(0)).workType("YieldHeavy").workers(perCpu(ctx, 8))])
  }),
  scenario({
    name: "forkStorm",
    description: "two workers per CPU that do nothing but fork, beside spinning ones",
    build: (ctx) =>
      executeDefs(ctx, [
        CgroupDef.named(ctx.cgroupName(0)).workType("ForkExit").workers(perCpu(ctx, 2)),
        spinning(ctx, 1)
      ])
  }),
  scenario({
    name: "classChurn",
    description: "workers that change their policy and their nice value all the time, two per CPU",
    build: (ctx) =>
      judged(
        ctx,
        offByThemselves,
        ["PolicyChurn", "NiceSweep"].map((workType, index) =>
          CgroupDef.named(ctx.cgroupName(index)).workType(workType).workers(perCpu(ctx, 1))
        )
      )
  }),
  scenario({
    name: "cgroupExhaustReuse",
    description: "32 cgroups with a worker each are removed and made again under the same names, twice",
    build: (ctx) => {
      const all = Array.from({ length: crowd }, (_, index) => spinning(ctx, index).workers(1))
      return executeStepsWith(
        ctx,
        [1, 2, 3].map(() => Step.withDefs(all, third)),
        ofDifferentTimes
      )
    }
  }),
  scenario({
    name: "perCpuCgroups",
    description: "a cgroup for every CPU, confined to it, with two spinning workers",
    build: (ctx) =>
      executeStepsWith(
        ctx,
        [
          Step.withDefs(
            ctx.topo.allCpus.cpus.map((cpu, index) => spinning(ctx, index).withCpuset(CpusetSpec.Exact([cpu]))),
            HoldSpec.FULL
          )
        ],
        { isolation: ctx.topo.allCpus.size > 1 }
      )
  }),
  scenario({
    name: "stallDetect",
    description:
      "on every CPU real-time work stops the ordinary worker for 100 ms at a time: its gap must stay bounded",
    build: (ctx) =>
      executeDefs(ctx, [
        spinning(ctx, 0).workers(perCpu(ctx, 1)).affinity(Affinity.SingleCpu),
        CgroupDef.named(ctx.cgroupName(1))
          .workType(WorkTypeRef.of("Bursty", { burst: "100 millis", sleep: "100 millis" }))
          .workers(perCpu(ctx, 1))
          .affinity(Affinity.SingleCpu)
          .schedPolicy(SchedPolicy.Fifo(1))
      ])
  }),
  scenario({
    name: "stallRecovery",
    description: "everything is frozen for 300 ms and thawed: all workers must go on",
    build: (ctx) => {
      const both = (op: (cgroup: string) => Op) => [op(ctx.cgroupName(0)), op(ctx.cgroupName(1))]
      return executeStepsWith(
        ctx,
        [
          Step.new([], quarter).named("running"),
          Step.new(both(Op.FreezeCgroup), HoldSpec.Fixed("300 millis")).named("frozen"),
          Step.new(both(Op.UnfreezeCgroup), half).named("going on")
        ],
        {},
        Backdrop.withDefs([spinning(ctx, 0), spinning(ctx, 1)])
      )
    }
  })
]
