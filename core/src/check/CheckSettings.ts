/**
 * The allowed settings of each check.
 *
 * @since 0.2.0
 */

/** A threshold; `false`: not judged. */
type Threshold = number | false | undefined

/**
 * A setting for each check, by its name; every field is optional.
 *
 * @since 0.2.0
 * @category models
 */
export interface CheckSettings {
  /**
   * Every worker did some work, and the gap and spread thresholds hold. `false` also switches off the gap and spread thresholds of the layers below,
   * but not those of the same or a later layer.
   */
  readonly notStarved?: boolean | undefined
  /** Workers ran only on CPUs that their cgroup and their affinity allowed at some time while they ran. */
  readonly isolation?: boolean | undefined
  /** Longest time for which a runnable worker made no progress, in milliseconds. */
  readonly maxGapMs?: Threshold
  /** Maximum minus minimum off-CPU share among like workers of a cgroup, in percentage points. */
  readonly maxSpreadPct?: Threshold
  /** Coefficient of variation of work units per CPU second among like workers of a cgroup. */
  readonly maxThroughputCv?: Threshold
  /** Minimum number of work units per CPU second of each worker. */
  readonly minWorkRate?: Threshold
  readonly maxP99WakeLatencyNs?: Threshold
  readonly maxWakeLatencyCv?: Threshold
  /** Minimum number of iterations per second of wall time of each worker. */
  readonly minIterationRate?: Threshold
  /** Migrations per iteration of a cgroup. */
  readonly maxMigrationRatio?: Threshold
  /** max(nr_running) / max(1, min(nr_running)) over the CPUs. */
  readonly maxImbalanceRatio?: Threshold
  readonly maxLocalDsqDepth?: Threshold
  /** Fail if a run queue's clock stands still while its CPU has work. */
  readonly failOnStall?: boolean | undefined
  /** Number of consecutive monitor samples that must violate a threshold. */
  readonly sustainedSamples?: number | undefined
  /** Fallback dispatches per second. */
  readonly maxFallbackRate?: Threshold
  /** Keep-last dispatches per second. */
  readonly maxKeepLastRate?: Threshold
  /** Minimum share of a cgroup's pages, at the end, on the NUMA nodes of the CPUs that its workers may use; above 0, at most 1. */
  readonly minPageLocality?: Threshold
  /** Maximum share of a cgroup's migrations that cross NUMA nodes; below 1. Judged by the first 1024 migrations of each worker. */
  readonly maxCrossNodeMigrationRatio?: Threshold
  /** Maximum share of a cgroup's pages on NUMA nodes without CPUs; below 1. */
  readonly maxSlowTierRatio?: Threshold
}
