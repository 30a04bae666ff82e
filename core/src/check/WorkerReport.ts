/**
 * What one worker did, as measured by the guest agent.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * Why a worker did not run to the end: it exited by itself, died of a signal, or was killed because it did not react to a stop within 5 s.
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
 * One of the reasons listed in the schema.
 *
 * @since 0.1.0
 * @category models
 */
export type ExitInfo = typeof ExitInfo.Type

/**
 * A change of the worker's CPU between two checkpoints. `timeNs` is on the guest's monotonic clock.
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
 * A change of the worker's CPU.
 *
 * @since 0.1.0
 * @category models
 */
export type Migration = typeof Migration.Type

/**
 * The report of one worker. Times are nanoseconds of the guest's `CLOCK_MONOTONIC`; durations are nanoseconds unless the name says otherwise.
 * docs/protocol.md defines work unit, iteration, gap, wake latency and migration.
 *
 * @since 0.1.0
 * @category models
 */
export class WorkerReport extends Schema.Class<WorkerReport>("WorkerReport")({
  /** Number of the spawn that the worker belongs to. */
  group: Schema.Number,
  /** Index within that spawn. */
  index: Schema.Number,
  /** Path, below the cgroup mount, of the cgroup it was spawned in; empty: the root. */
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
  /** All changes of CPU between two checkpoints; several within one interval count as one. */
  migrationCount: Schema.Number,
  /** The first 1024 migrations. */
  migrations: Schema.Array(Migration),
  maxGapNs: Schema.Number,
  /** `maxGapNs` / 10⁶. */
  maxGapMs: Schema.Number,
  maxGapCpu: Schema.Number,
  /** Since the worker's start. */
  maxGapAtNs: Schema.Number,
  /** Uniform sample of the wake latencies; consumers may drop it. */
  wakeLatenciesNs: Schema.Array(Schema.Number),
  /** Number of wake latencies, kept or not. */
  wakeLatenciesSeen: Schema.Number,
  /** Difference of `/proc/self/schedstat` between start and end. */
  schedstat: Schema.Struct({ cpuTimeNs: Schema.Number, runDelayNs: Schema.Number, timesRun: Schema.Number }),
  /** Resident pages by NUMA node at the end. */
  numaPages: Schema.Array(Schema.Struct({ node: Schema.Number, pages: Schema.Number })),
  /** Difference of the whole guest's `numa_pages_migrated` between the worker's start and end. */
  numaPagesMigrated: Schema.Number,
  /** Whether it ran until it was stopped as planned. */
  completed: Schema.Boolean,
  /** Null if completed. */
  exitInfo: Schema.NullOr(ExitInfo),
  /** Affinity mask at the end. */
  allowedCpus: Schema.Array(Schema.Number),
  nice: Schema.Number,
  /** The kernel's number of the scheduling policy at the end. */
  policy: Schema.Number
}) {}
