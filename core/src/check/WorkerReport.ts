/**
 * What one worker did, as the guest agent measured it.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * Why a worker did not run to the end: it exited by itself, died of a signal, or did not answer a stop in 5 s and was killed.
 *
 * @since 0.1.0
 * @category models
 */
export const ExitInfo: Schema.Union<
  [
    Schema.TaggedStruct<"Exited", { code: typeof Schema.Number }>,
    Schema.TaggedStruct<"Signaled", { signal: typeof Schema.Number }>,
    Schema.TaggedStruct<"TimedOut", {}>
  ]
> = Schema.Union(
  Schema.TaggedStruct("Exited", { code: Schema.Number }),
  Schema.TaggedStruct("Signaled", { signal: Schema.Number }),
  Schema.TaggedStruct("TimedOut", {})
)

/**
 * @since 0.1.0
 * @category models
 */
export type ExitInfo = typeof ExitInfo.Type

/**
 * The worker's CPU differed between two checkpoints. `timeNs` is on the guest's monotonic clock.
 *
 * @since 0.1.0
 * @category models
 */
export const Migration: Schema.Struct<{
  from: typeof Schema.Number
  to: typeof Schema.Number
  timeNs: typeof Schema.Number
}> = Schema.Struct({
  from: Schema.Number,
  to: Schema.Number,
  timeNs: Schema.Number
})

/**
 * @since 0.1.0
 * @category models
 */
export type Migration = typeof Migration.Type

/**
 * All times are nanoseconds of the guest's `CLOCK_MONOTONIC`, all durations nanoseconds unless the name says otherwise.
 * The definitions of work unit, iteration, gap, wake latency and migration are those of docs/protocol.md.
 *
 * @since 0.1.0
 * @category models
 */
export class WorkerReport extends Schema.Class<WorkerReport>("WorkerReport")({
  /** Number of the spawn the worker belongs to. */
  group: Schema.Number,
  /** Index within that spawn. */
  index: Schema.Number,
  /** Path below the cgroup mount it was spawned in; empty: the root. */
  cgroup: Schema.String,
  /** Name of the work type. */
  label: Schema.String,
  /** Index modulo the work type's group size. */
  role: Schema.Number,
  tid: Schema.Number,
  workUnits: Schema.Number,
  iterations: Schema.Number,
  cpuTimeNs: Schema.Number,
  /** From its release to its end. */
  wallTimeNs: Schema.Number,
  /** `wallTimeNs` − `cpuTimeNs`, never below 0. */
  offCpuNs: Schema.Number,
  startTimeNs: Schema.Number,
  cpusUsed: Schema.Array(Schema.Number),
  migrationCount: Schema.Number,
  /** The first 1024. */
  migrations: Schema.Array(Migration),
  maxGapNs: Schema.Number,
  /** `maxGapNs` / 10⁶. */
  maxGapMs: Schema.Number,
  maxGapCpu: Schema.Number,
  /** Since the worker's start. */
  maxGapAtNs: Schema.Number,
  /** Uniform sample of the wake latencies; consumers may drop it. */
  wakeLatenciesNs: Schema.Array(Schema.Number),
  /** How many wake latencies there were, kept or not. */
  wakeLatenciesSeen: Schema.Number,
  /** Difference of `/proc/self/schedstat` between start and end. */
  schedstat: Schema.Struct({ cpuTimeNs: Schema.Number, runDelayNs: Schema.Number, timesRun: Schema.Number }),
  /** Resident pages by NUMA node at the end. */
  numaPages: Schema.Array(Schema.Struct({ node: Schema.Number, pages: Schema.Number })),
  /** Difference of the whole guest's `numa_pages_migrated` between the worker's start and end. */
  numaPagesMigrated: Schema.Number,
  /** It ran until it was told to stop. */
  completed: Schema.Boolean,
  /** Null when completed. */
  exitInfo: Schema.NullOr(ExitInfo),
  /** Affinity mask at the end. */
  allowedCpus: Schema.Array(Schema.Number),
  nice: Schema.Number,
  /** The kernel's number of the scheduling policy at the end. */
  policy: Schema.Number
}) {}
