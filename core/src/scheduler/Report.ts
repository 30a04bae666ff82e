/**
 * The scheduler under test, as shown in results.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * What the scheduler under test did in a run.
 *
 * @since 0.1.0
 * @category models
 */
export class SchedulerReport extends Schema.Class<SchedulerReport>("SchedulerReport")({
  name: Schema.String,
  /** Its flags joined by `+`, or `default`. */
  profile: Schema.String,
  /** Path on the host; null if it is part of the kernel. */
  program: Schema.NullOr(Schema.String),
  args: Schema.Array(Schema.String),
  /** The kernel's name for it; null if it never attached, or is the kernel's own. */
  ops: Schema.NullOr(Schema.String),
  /** Milliseconds of guest time from its first start until the kernel had enabled it; null: never. */
  attachMs: Schema.NullOr(Schema.Number),
  /** Number of times it attached: more than one after restarts. */
  starts: Schema.Number,
  /** `/sys/kernel/sched_ext/enable_seq` after the last start. */
  enableSeq: Schema.NullOr(Schema.Number),
  /** `/sys/kernel/sched_ext/nr_rejected` at its end: tasks whose request for SCHED_EXT was rejected. */
  nrRejected: Schema.NullOr(Schema.Number),
  /** How its process ended; null if unknown. */
  exit: Schema.NullOr(Schema.String),
  /** Why the kernel disabled it; null: its own process detached it. */
  kernelReason: Schema.NullOr(Schema.String),
  /** Lines of the kernel log about it. This field and the following ones are set only if the run went wrong. */
  kernelLog: Schema.Array(Schema.String),
  /** Its output, with repeated blocks collapsed and limited in length. */
  log: Schema.Array(Schema.String),
  /** The kernel's dumps of the sched_ext state, limited in length. */
  dump: Schema.Array(Schema.String)
}) {}
