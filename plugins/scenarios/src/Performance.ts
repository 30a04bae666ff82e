/**
 * Work whose speed depends on where and when it runs: cache, wake-ups, locks, page faults.
 *
 * @since 0.1.0
 */
import { executeDefs, type Scenario } from "@ktstr/core"
import { inCategory, judged, offByThemselves, perCpu, spinning, unevenlyPlaced, working } from "./internal/shapes.ts"

const scenario = inCategory("performance")

/**
 * @since 0.1.0
 * @category scenarios
 */
export const performance: ReadonlyArray<Scenario> = [
  scenario({
    name: "cachePressure",
    description: "two cgroups of workers with working sets of 32 KiB, a worker per CPU each",
    build: (ctx) =>
      executeDefs(
        ctx,
        [0, 1].map((index) => working(ctx, index, "CachePressure").workers(perCpu(ctx, 1)))
      )
  }),
  scenario({
    name: "cacheYieldWakeAffine",
    description: "workers with working sets that yield after every pass, beside spinning ones",
    build: (ctx) =>
      judged(ctx, offByThemselves, [working(ctx, 0, "CacheYield").workers(perCpu(ctx, 1)), spinning(ctx, 1)])
  }),
  scenario({
    name: "cachePipe",
    description: "pairs with working sets that wake each other, one pair per CPU",
    build: (ctx) => judged(ctx, offByThemselves, [working(ctx, 0, "CachePipe").workers(perCpu(ctx, 2))])
  }),
  scenario({
    name: "pipeVsCompute",
    description: "pairs that wake each other through pipes against a spinning worker per CPU",
    build: (ctx) => executeDefs(ctx, [working(ctx, 0, "PipeIo", 2), spinning(ctx, 1).workers(perCpu(ctx, 1))])
  }),
  scenario({
    name: "fanOutWake",
    description: "messengers that wake four receivers at once, beside a spinning cgroup",
    build: (ctx) => judged(ctx, offByThemselves, [working(ctx, 0, "FutexFanOut", 5), spinning(ctx, 1)])
  }),
  scenario({
    name: "fanOutCompute",
    description: "a messenger that hands requests to four workers, which think and multiply matrices",
    build: (ctx) => judged(ctx, offByThemselves, [working(ctx, 0, "FanOutCompute", 5)])
  }),
  scenario({
    name: "mutexContention",
    description: "four workers that share a mutex against a spinning worker per CPU, so that holders are preempted",
    build: (ctx) =>
      judged(ctx, offByThemselves, [working(ctx, 0, "MutexContention", 4), spinning(ctx, 1).workers(perCpu(ctx, 1))])
  }),
  scenario({
    name: "pageFaults",
    description: "a page-faulting worker per CPU beside a spinning cgroup",
    build: (ctx) =>
      judged(ctx, unevenlyPlaced, [working(ctx, 0, "PageFaultChurn").workers(perCpu(ctx, 1)), spinning(ctx, 1)])
  })
]
