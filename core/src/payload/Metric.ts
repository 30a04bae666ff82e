/**
 * Numbers that a program printed about itself.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * Which values of a metric are better; `none`: neither, or unknown.
 *
 * @since 0.1.0
 * @category models
 */
export const Polarity: Schema.Literal<["higher", "lower", "none"]> = Schema.Literal("higher", "lower", "none")

/**
 * One of the polarities listed in the schema.
 *
 * @since 0.1.0
 * @category models
 */
export type Polarity = typeof Polarity.Type

/**
 * What is known of a metric beforehand. The metric must be in the output: without it a run is inconclusive.
 *
 * @since 0.1.0
 * @category models
 */
export interface MetricSpec {
  /** Name as spelled by the output format, for example `read.iops`. */
  readonly name: string
  readonly unit?: string | undefined
  readonly polarity?: Polarity | undefined
}

/**
 * A metric found by a format. A `value` that is not finite (`NaN`) counts as found, but can't be judged.
 *
 * @since 0.1.0
 * @category models
 */
export interface MetricValue extends MetricSpec {
  readonly value: number
}

/**
 * A metric of a result.
 *
 * @since 0.1.0
 * @category models
 */
export class Metric extends Schema.Class<Metric>("Metric")({
  name: Schema.String,
  value: Schema.Number,
  /** null: unknown. */
  unit: Schema.NullOr(Schema.String),
  polarity: Polarity
}) {}
