/**
 * What a replay file asks for.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * What to run again: a scenario with the options of the command line that lead to it, or a test of a file.
 *
 * @since 0.1.0
 * @category models
 */
export class ReplayRequest extends Schema.Class<ReplayRequest>("ReplayRequest")({
  /** Its name; a test's, where it is one. */
  scenario: Schema.String,
  /** The file lies below the directory of the project, `name` is the test's whole name there. */
  test: Schema.optional(Schema.Struct({ file: Schema.String, name: Schema.String })),
  seed: Schema.Number,
  /** Ops left out, by their place in the scenario. */
  without: Schema.Array(Schema.Number),
  options: Schema.Record({
    key: Schema.String,
    value: Schema.Union(Schema.String, Schema.Boolean, Schema.Array(Schema.String))
  })
}) {}
