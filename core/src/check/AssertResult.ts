/**
 * What judging came to: an outcome, the reasons, and the numbers behind them.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * `inconclusive`: there was nothing to judge by (no samples, a zero denominator); it is never a silent pass.
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
 * The worse of two outcomes: fail, then inconclusive, then skip, then pass.
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
  /** Distinct CPUs its workers ran on. */
  cpus: Schema.Number,
  /** Mean, least and greatest share of its wall time that a worker was off CPU, percent. */
  avgOffCpuPct: Measured,
  minOffCpuPct: Measured,
  maxOffCpuPct: Measured,
  /** Greatest minus least off-CPU share among workers of one work type, percentage points. */
  spreadPct: Measured,
  /** The longest gap, the CPU it ended on, and when it ended after the worker's start; milliseconds. */
  maxGapMs: Measured,
  maxGapCpu: Measured,
  maxGapAtMs: Measured,
  migrations: Schema.Number,
  /** Migrations per iteration. */
  migrationRatio: Measured,
  iterations: Schema.Number,
  workUnits: Schema.Number,
  /** CPU time of all workers, nanoseconds. */
  cpuTimeNs: Schema.Number,
  /** Least iterations per second of wall time of a worker. */
  minIterationRate: Measured,
  /** Least work units per second of CPU time of a worker. */
  minWorkRate: Measured,
  /** Coefficient of variation of work units per CPU second among workers of one work type. */
  throughputCv: Measured,
  /** Wakeups seen (the latencies below come from a uniform sample of them). */
  wakeups: Schema.Number,
  p50WakeLatencyNs: Measured,
  p99WakeLatencyNs: Measured,
  wakeLatencyCv: Measured,
  /** Time runnable but waiting for a CPU, by schedstat: mean and greatest over the workers, microseconds. */
  meanRunDelayUs: Measured,
  worstRunDelayUs: Measured,
  /** Share of its pages on the NUMA nodes of the CPUs its workers may use; null where every node is one of these. */
  pageLocality: Schema.optionalWith(Measured, { default: () => null }),
  /** Share of its migrations that cross NUMA nodes. */
  crossNodeMigrationRatio: Schema.optionalWith(Measured, { default: () => null }),
  /** Share of its pages on NUMA nodes without CPUs; null where there are none. */
  slowTierRatio: Schema.optionalWith(Measured, { default: () => null })
}) {}

/**
 * All cgroups of a run: sums of counters, worst of the rest.
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
  /** No cgroup at all. */
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

  /** Sums the counters and takes the worst of the rest; a value that was not measured never wins. */
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

  /** The totals of one cgroup. */
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
  /** One line each, the most important first; empty on a pass. */
  details: Schema.Array(Schema.String),
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

  /** Not run, and why. */
  static skip(reason: string): AssertResult {
    return AssertResult.of("skip", [reason])
  }

  /** Failed, for these reasons. */
  static fail(...reasons: ReadonlyArray<string>): AssertResult {
    return AssertResult.of("fail", reasons)
  }

  /** There was nothing to judge by, and why. */
  static inconclusive(...reasons: ReadonlyArray<string>): AssertResult {
    return AssertResult.of("inconclusive", reasons)
  }

  /** An outcome and its reasons, nothing measured. */
  static of(outcome: Outcome, details: ReadonlyArray<string>): AssertResult {
    return AssertResult.make({ outcome, details, cgroups: {}, totals: TotalStats.empty })
  }

  /**
   * Worst outcome, its details first, all cgroups (of one that both know, `b`'s numbers are listed), worst spread, gap and
   * latency, sums of counters.
   */
  static merge(a: AssertResult, b: AssertResult): AssertResult {
    const outcome = worstOutcome(a.outcome, b.outcome)
    const details = a.outcome === outcome ? [...a.details, ...b.details] : [...b.details, ...a.details]
    return AssertResult.make({
      outcome,
      details,
      cgroups: { ...a.cgroups, ...b.cgroups },
      totals: TotalStats.merge(a.totals, b.totals)
    })
  }

  /** {@link AssertResult.merge} over any number of results; a pass when there are none. */
  static mergeAll(results: Iterable<AssertResult>): AssertResult {
    let merged = AssertResult.pass
    for (const result of results) merged = AssertResult.merge(merged, result)
    return merged
  }
}
