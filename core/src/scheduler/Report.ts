/**
 * The scheduler under test as a result tells of it.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * @since 0.1.0
 * @category models
 */
export class SchedulerReport extends Schema.Class<SchedulerReport>("SchedulerReport")({
  name: Schema.String,
  /** Its flags joined by `+`, or `default`. */
  profile: Schema.String,
  /** Path on the host; null for one that is part of the kernel. */
  program: Schema.NullOr(Schema.String),
  args: Schema.Array(Schema.String),
  /** What the kernel calls it; null when it never attached, or is the kernel's own. */
  ops: Schema.NullOr(Schema.String),
  /** Milliseconds of the guest from its start until the kernel had enabled it; null: never. Of the first start. */
  attachMs: Schema.NullOr(Schema.Number),
  /** How often it attached: more than once after restarts. */
  starts: Schema.Number,
  /** `/sys/kernel/sched_ext/enable_seq` after the last start. */
  enableSeq: Schema.NullOr(Schema.Number),
  /** `/sys/kernel/sched_ext/nr_rejected` at its end: tasks that asked for SCHED_EXT and were refused. */
  nrRejected: Schema.NullOr(Schema.Number),
  /** How its process ended; null when that was not seen. */
  exit: Schema.NullOr(Schema.String),
  /** Why the kernel disabled it; null: its own process took it out. */
  kernelReason: Schema.NullOr(Schema.String),
  /** The rest only when the run went wrong. Lines of the kernel log about it. */
  kernelLog: Schema.Array(Schema.String),
  /** What it printed, repeated blocks collapsed, bounded. */
  log: Schema.Array(Schema.String),
  /** The kernel's dumps of sched_ext's state, bounded. */
  dump: Schema.Array(Schema.String)
}) {}
