/**
 * What each check may be set to.
 *
 * @since 0.2.0
 */

/** A threshold, or `false`: not judged. */
type Threshold = number | false | undefined

/**
 * A setting for each check, by its name; every field is optional.
 *
 * @since 0.2.0
 * @category models
 */
export interface CheckSettings {
  /**
   * Every worker did something, and the gap and spread thresholds hold. `false` also switches off the gap and spread
   * thresholds of the layers below; those of the same or a later layer stay.
   */
  readonly notStarved?: boolean | undefined
  /** Workers ran only on CPUs that their cgroup (and their affinity) allowed at some time while they ran. */
  readonly isolation?: boolean | undefined
  /** Longest time a runnable worker did not get on, milliseconds. */
  readonly maxGapMs?: Threshold
  /** Greatest minus least off-CPU share among like workers of a cgroup, percentage points. */
  readonly maxSpreadPct?: Threshold
  /** Coefficient of variation of work units per CPU second among like workers of a cgroup. */
  readonly maxThroughputCv?: Threshold
  /** Least work units per CPU second of a worker. */
  readonly minWorkRate?: Threshold
  readonly maxP99WakeLatencyNs?: Threshold
  readonly maxWakeLatencyCv?: Threshold
  /** Least iterations per second of wall time of a worker. */
  readonly minIterationRate?: Threshold
  /** Migrations per iteration of a cgroup. */
  readonly maxMigrationRatio?: Threshold
  /** max(nr_running) / max(1, min(nr_running)) over the CPUs. */
  readonly maxImbalanceRatio?: Threshold
  readonly maxLocalDsqDepth?: Threshold
  /** A run queue's clock stood still while its CPU had work. */
  readonly failOnStall?: boolean | undefined
  /** Monitor samples in a row that must violate a threshold. */
  readonly sustainedSamples?: number | undefined
  /** Fallback dispatches per second. */
  readonly maxFallbackRate?: Threshold
  /** Keep-last dispatches per second. */
  readonly maxKeepLastRate?: Threshold
  /** Least share of a cgroup's pages, as they lie at the end, on the NUMA nodes of the CPUs that its workers may use; above 0, at most 1. */
  readonly minPageLocality?: Threshold
  /** Greatest share of a cgroup's migrations that cross NUMA nodes; below 1. Judged by the first 1024 of each worker. */
  readonly maxCrossNodeMigrationRatio?: Threshold
  /** Greatest share of a cgroup's pages on NUMA nodes without CPUs; below 1. */
  readonly maxSlowTierRatio?: Threshold
}
