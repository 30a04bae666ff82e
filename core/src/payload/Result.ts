/**
 * What one run of a payload came to.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { Outcome } from "../check/index.ts"
import { Metric } from "./Metric.ts"

/**
 * `Exited` with a status, `Signaled` by another than ktstr, `Stopped`: told to end (at the end of its step or by an op) and
 * gone, `TimedOut`: killed at its deadline, `NotRun`: it never became the program, `Lost`: nothing was heard of its end.
 *
 * @since 0.1.0
 * @category models
 */
export class PayloadEnd extends Schema.Class<PayloadEnd>("PayloadEnd")({
  kind: Schema.Literal("Exited", "Signaled", "Stopped", "TimedOut", "NotRun", "Lost"),
  /** Its exit status, where it exited. */
  code: Schema.NullOr(Schema.Number),
  /** The signal it died of, where it did. */
  signal: Schema.NullOr(Schema.Number),
  /** Why it could not be run, else empty. */
  message: Schema.String
}) {}

/**
 * @since 0.1.0
 * @category models
 */
export class PayloadResult extends Schema.Class<PayloadResult>("PayloadResult")({
  name: Schema.String,
  /** `/`: the root. */
  cgroup: Schema.String,
  /** As it was run in the guest. */
  argv: Schema.Array(Schema.String),
  /** The output format by which it was read. */
  format: Schema.String,
  outcome: Outcome,
  /** One line each; empty on a pass. */
  details: Schema.Array(Schema.String),
  end: PayloadEnd,
  /** Guest milliseconds; 0 when nothing was heard of its end. */
  durationMs: Schema.Number,
  /** Those asked for first, then as the output has them; at most 4096. */
  metrics: Schema.Array(Metric),
  /** Of a program that printed several reports: the metrics of each in their order, by name; at most 65 536 numbers, of the latest. Else empty. */
  series: Schema.optionalWith(Schema.Array(Schema.Record({ key: Schema.String, value: Schema.Number })), {
    default: () => []
  }),
  /** Reports before the first of `series`, left out because they are too many. */
  seriesDropped: Schema.optionalWith(Schema.Number, { default: () => 0 }),
  /** What to know of it that is no reason for another verdict, one line each. */
  warnings: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] }),
  /** Why no metrics could be read, else null. */
  problem: Schema.NullOr(Schema.String),
  /** The last lines that were kept of each stream. */
  stdoutTail: Schema.Array(Schema.String),
  stderrTail: Schema.Array(Schema.String),
  /** Bytes of output beyond what was kept. */
  droppedBytes: Schema.Number
}) {}
