/**
 * What was done to the workers, and when.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * A timestamped boundary of an op or a step.
 *
 * @since 0.1.0
 * @category models
 */
export class StimulusEvent extends Schema.Class<StimulusEvent>("StimulusEvent")({
  /** Nanoseconds since the first step began, guest clock. */
  timeNs: Schema.Number,
  /** -1 outside every step. */
  step: Schema.Number,
  kind: Schema.String,
  detail: Schema.String,
  iterations: Schema.Number
}) {}
