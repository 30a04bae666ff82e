/**
 * Events that changed the workers, with their times.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * The beginning or end of an op or a step, with its time.
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
