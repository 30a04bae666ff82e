/**
 * The result of judging: an outcome, the reasons, and the numbers behind them.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * `inconclusive` means that there was nothing to judge by (no samples, a zero denominator); it is never a silent pass.
 *
 * @since 0.1.0
 * @category models
 */
export const Outcome: Schema.Literal<["pass", "skip", "inconclusive", "fail"]> = Schema.Literal(
  "pass",
  "skip",
  "inconclusive",
  "fail"
)

/**
 * One of the outcomes listed in the schema.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = typeof Outcome.Type

/**
 * The outcomes from best to worst.
 *
 * @since 0.1.0
 * @category models
 */
export const outcomesBestFirst: ReadonlyArray<Outcome> = Outcome.literals

/**
 * Returns the worse of two outcomes; from worst to best: fail, inconclusive, skip, pass.
 *
 * @since 0.1.0
 * @category combinators
 */
export const worstOutcome = (a: Outcome, b: Outcome): Outcome =>
  outcomesBestFirst.indexOf(a) >= outcomesBestFirst.indexOf(b) ? a : b

const Measured = Schema.NullOr(Schema.Number)

/**
 * What the workers of one cgroup did together. `null`: not measured (no samples, a zero denominator).
 *
 * @since 0.1.0
 * @category models
 */
export class CgroupStats extends Schema.Class<CgroupStats>("CgroupStats")({
  workers: Schema.Number,
  /** Number of distinct CPUs its workers ran on. */
  cpus: Schema.Number,
  /** Mean, minimum and maximum of the share of its wall time that a worker was off CPU, in percent. */
  avgOffCpuPct: Measured,
  minOffCpuPct: Measured,
  maxOffCpuPct: Measured,
  /** Maximum minus minimum off-CPU share among workers of one work type, in percentage points. */
  spreadPct: Measured,
  /** The longest gap in milliseconds, the CPU on which it ended, and the time of its end in milliseconds since the worker's start. */
  maxGapMs: Measured,
  maxGapCpu: Measured,
  maxGapAtMs: Measured,
  migrations: Schema.Number,
  /** Migrations per iteration. */
  migrationRatio: Measured,
  iterations: Schema.Number,
  workUnits: Schema.Number,
  /** CPU time of all workers, in nanoseconds. */
  cpuTimeNs: Schema.Number,
  /** Iterations per second of wall time of the slowest worker. */
  minIterationRate: Measured,
  /** Work units per second of CPU time of the slowest worker. */
  minWorkRate: Measured,
  /** Coefficient of variation of work units per CPU second among workers of one work type. */
  throughputCv: Measured,
  /** Number of wakeups (the latencies below come from a uniform sample of them). */
  wakeups: Schema.Number,
  p50WakeLatencyNs: Measured,
  p99WakeLatencyNs: Measured,
  wakeLatencyCv: Measured,
  /** Time spent runnable but waiting for a CPU, from schedstat: mean and maximum over the workers, in microseconds. */
  meanRunDelayUs: Measured,
  worstRunDelayUs: Measured,
  /** Share of the cgroup's pages on the NUMA nodes of the CPUs that its workers may use; null if they may use every node. */
  pageLocality: Schema.optionalWith(Measured, { default: () => null }),
  /** Share of the cgroup's migrations that cross NUMA nodes. */
  crossNodeMigrationRatio: Schema.optionalWith(Measured, { default: () => null }),
  /** Share of the cgroup's pages on NUMA nodes without CPUs; null if there are no such nodes. */
  slowTierRatio: Schema.optionalWith(Measured, { default: () => null })
}) {}

/**
 * All cgroups of a run: the sum of each counter, and the worst of every other value.
 *
 * @since 0.1.0
 * @category models
 */
export class TotalStats extends Schema.Class<TotalStats>("TotalStats")({
  cgroups: Schema.Number,
  workers: Schema.Number,
  cpuTimeNs: Schema.Number,
  iterations: Schema.Number,
  workUnits: Schema.Number,
  migrations: Schema.Number,
  wakeups: Schema.Number,
  worstSpreadPct: Measured,
  worstGapMs: Measured,
  worstGapCpu: Measured,
  worstMigrationRatio: Measured,
  worstP50WakeLatencyNs: Measured,
  worstP99WakeLatencyNs: Measured,
  worstWakeLatencyCv: Measured,
  worstMeanRunDelayUs: Measured,
  worstRunDelayUs: Measured
}) {
  /** The totals of no cgroups. */
  static readonly empty: TotalStats = TotalStats.make({
    cgroups: 0,
    workers: 0,
    cpuTimeNs: 0,
    iterations: 0,
    workUnits: 0,
    migrations: 0,
    wakeups: 0,
    worstSpreadPct: null,
    worstGapMs: null,
    worstGapCpu: null,
    worstMigrationRatio: null,
    worstP50WakeLatencyNs: null,
    worstP99WakeLatencyNs: null,
    worstWakeLatencyCv: null,
    worstMeanRunDelayUs: null,
    worstRunDelayUs: null
  })

  /** Sums the counters and takes the worst of every other value; a value that was not measured never wins. */
  static merge(a: TotalStats, b: TotalStats): TotalStats {
    return TotalStats.make({
      cgroups: a.cgroups + b.cgroups,
      workers: a.workers + b.workers,
      cpuTimeNs: a.cpuTimeNs + b.cpuTimeNs,
      iterations: a.iterations + b.iterations,
      workUnits: a.workUnits + b.workUnits,
      migrations: a.migrations + b.migrations,
      wakeups: a.wakeups + b.wakeups,
      worstSpreadPct: greater(a.worstSpreadPct, b.worstSpreadPct),
      worstGapMs: greater(a.worstGapMs, b.worstGapMs),
      worstGapCpu: (a.worstGapMs ?? -1) >= (b.worstGapMs ?? -1) ? a.worstGapCpu : b.worstGapCpu,
      worstMigrationRatio: greater(a.worstMigrationRatio, b.worstMigrationRatio),
      worstP50WakeLatencyNs: greater(a.worstP50WakeLatencyNs, b.worstP50WakeLatencyNs),
      worstP99WakeLatencyNs: greater(a.worstP99WakeLatencyNs, b.worstP99WakeLatencyNs),
      worstWakeLatencyCv: greater(a.worstWakeLatencyCv, b.worstWakeLatencyCv),
      worstMeanRunDelayUs: greater(a.worstMeanRunDelayUs, b.worstMeanRunDelayUs),
      worstRunDelayUs: greater(a.worstRunDelayUs, b.worstRunDelayUs)
    })
  }

  /** Returns the totals of one cgroup. */
  static ofCgroup(stats: CgroupStats): TotalStats {
    return TotalStats.make({
      cgroups: 1,
      workers: stats.workers,
      cpuTimeNs: stats.cpuTimeNs,
      iterations: stats.iterations,
      workUnits: stats.workUnits,
      migrations: stats.migrations,
      wakeups: stats.wakeups,
      worstSpreadPct: stats.spreadPct,
      worstGapMs: stats.maxGapMs,
      worstGapCpu: stats.maxGapCpu,
      worstMigrationRatio: stats.migrationRatio,
      worstP50WakeLatencyNs: stats.p50WakeLatencyNs,
      worstP99WakeLatencyNs: stats.p99WakeLatencyNs,
      worstWakeLatencyCv: stats.wakeLatencyCv,
      worstMeanRunDelayUs: stats.meanRunDelayUs,
      worstRunDelayUs: stats.worstRunDelayUs
    })
  }
}

const greater = (a: number | null, b: number | null): number | null => {
  if (a === null) return b
  if (b === null) return a
  return Math.max(a, b)
}

/**
 * The verdict on a run or on a part of it.
 *
 * @since 0.1.0
 * @category models
 */
export class AssertResult extends Schema.Class<AssertResult>("AssertResult")({
  outcome: Outcome,
  /** One line per reason, the most important first; empty on a pass. */
  details: Schema.Array(Schema.String),
  /** The failures among the details, without what is said of the host beside them. Default: all details of a failure. */
  failures: Schema.optional(Schema.Array(Schema.String)),
  cgroups: Schema.Record({ key: Schema.String, value: CgroupStats }),
  totals: TotalStats
}) {
  /** A pass with nothing measured: the neutral element of {@link AssertResult.merge}. */
  static readonly pass: AssertResult = AssertResult.make({
    outcome: "pass",
    details: [],
    cgroups: {},
    totals: TotalStats.empty
  })

  /** Returns a skip with its reason. */
  static skip(reason: string): AssertResult {
    return AssertResult.of("skip", [reason])
  }

  /** Returns a failure with its reasons. */
  static fail(...reasons: ReadonlyArray<string>): AssertResult {
    return AssertResult.of("fail", reasons)
  }

  /** Returns an inconclusive result: there was nothing to judge by, for these reasons. */
  static inconclusive(...reasons: ReadonlyArray<string>): AssertResult {
    return AssertResult.of("inconclusive", reasons)
  }

  /** Returns an outcome with its reasons and nothing measured. */
  static of(outcome: Outcome, details: ReadonlyArray<string>): AssertResult {
    return AssertResult.make({ outcome, details, cgroups: {}, totals: TotalStats.empty })
  }

  /** Returns the failures, with which a pattern for an expected failure is compared. */
  static failuresOf({ details, failures, outcome }: AssertResult): ReadonlyArray<string> {
    return outcome === "fail" ? (failures ?? details) : []
  }

  /** Merges two results: the worse outcome with its details first, all cgroups (`b` wins if both have one), and the merged totals. */
  static merge(a: AssertResult, b: AssertResult): AssertResult {
    const outcome = worstOutcome(a.outcome, b.outcome)
    const details = a.outcome === outcome ? [...a.details, ...b.details] : [...b.details, ...a.details]
    const failures = [a, b].flatMap(AssertResult.failuresOf)
    return AssertResult.make({
      outcome,
      details,
      ...(outcome === "fail" ? { failures } : {}),
      cgroups: { ...a.cgroups, ...b.cgroups },
      totals: TotalStats.merge(a.totals, b.totals)
    })
  }

  /** Merges any number of results with {@link AssertResult.merge}; returns a pass if there are none. */
  static mergeAll(results: Iterable<AssertResult>): AssertResult {
    let merged = AssertResult.pass
    for (const result of results) merged = AssertResult.merge(merged, result)
    return merged
  }
}
