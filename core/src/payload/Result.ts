/**
 * The result of one run of a payload.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { Outcome } from "../check/index.ts"
import { Metric } from "./Metric.ts"

/**
 * How a payload ended. `Exited`: with a status; `Signaled`: by a signal that ktstr did not send; `Stopped`: by ktstr, at the end of its step or by an
 * op; `TimedOut`: killed at its deadline; `NotRun`: not started; `Lost`: its end was not received.
 *
 * @since 0.1.0
 * @category models
 */
export class PayloadEnd extends Schema.Class<PayloadEnd>("PayloadEnd")({
  kind: Schema.Literal("Exited", "Signaled", "Stopped", "TimedOut", "NotRun", "Lost"),
  /** Its exit status, if it exited. */
  code: Schema.NullOr(Schema.Number),
  /** The signal that ended it, if one did. */
  signal: Schema.NullOr(Schema.Number),
  /** Why it could not be started, else empty. */
  message: Schema.String
}) {}

/**
 * The result of one run of a payload, with its metrics and its verdict.
 *
 * @since 0.1.0
 * @category models
 */
export class PayloadResult extends Schema.Class<PayloadResult>("PayloadResult")({
  name: Schema.String,
  /** `/`: the root. */
  cgroup: Schema.String,
  /** The command line in the guest. */
  argv: Schema.Array(Schema.String),
  /** The output format with which it was read. */
  format: Schema.String,
  outcome: Outcome,
  /** One line each; empty on a pass. */
  details: Schema.Array(Schema.String),
  end: PayloadEnd,
  /** Milliseconds of guest time; 0 if its end was not received. */
  durationMs: Schema.Number,
  /** Requested metrics first, then the others in the order of the output; at most 4096. */
  metrics: Schema.Array(Metric),
  /**
   * For a program that printed several reports: the metrics of each report by name, in order; at most 65,536 numbers, from the latest reports.
   * Otherwise empty.
   */
  series: Schema.optionalWith(Schema.Array(Schema.Record({ key: Schema.String, value: Schema.Number })), {
    default: () => []
  }),
  /** Number of earlier reports left out of `series` because there are too many. */
  seriesDropped: Schema.optionalWith(Schema.Number, { default: () => 0 }),
  /** Notes that do not affect the verdict, one line each. */
  warnings: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] }),
  /** Why no metrics could be read, else null. */
  problem: Schema.NullOr(Schema.String),
  /** The last lines that were kept of each stream. */
  stdoutTail: Schema.Array(Schema.String),
  stderrTail: Schema.Array(Schema.String),
  /** Bytes of output that were not kept. */
  droppedBytes: Schema.Number
}) {}
