/**
 * Numbers that a program printed about itself.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * Which way a metric gets better; `none`: neither, or not known.
 *
 * @since 0.1.0
 * @category models
 */
export const Polarity: Schema.Literal<["higher", "lower", "none"]> = Schema.Literal("higher", "lower", "none")

/**
 * @since 0.1.0
 * @category models
 */
export type Polarity = typeof Polarity.Type

/**
 * What is known of a metric beforehand. It has to be in the output: a run without it is inconclusive.
 *
 * @since 0.1.0
 * @category models
 */
export interface MetricSpec {
  /** As the output format spells it, for example `read.iops`. */
  readonly name: string
  readonly unit?: string | undefined
  readonly polarity?: Polarity | undefined
}

/**
 * A metric as a format found it. A `value` that is not finite (`NaN`) counts as found, and is no number to judge by.
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
  /** null: not known. */
  unit: Schema.NullOr(Schema.String),
  polarity: Polarity
}) {}
