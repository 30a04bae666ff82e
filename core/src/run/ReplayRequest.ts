/**
 * The request in a replay file.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * What to run again: a scenario with the command-line options that select it, or a test in a file.
 *
 * @since 0.1.0
 * @category models
 */
export class ReplayRequest extends Schema.Class<ReplayRequest>("ReplayRequest")({
  /** Name of the scenario, or of the test. */
  scenario: Schema.String,
  /** The file's path is relative to the project directory; `name` is the full name of the test in it. */
  test: Schema.optional(Schema.Struct({ file: Schema.String, name: Schema.String })),
  seed: Schema.Number,
  /** Ops to leave out, by their index in the scenario. */
  without: Schema.Array(Schema.Number),
  options: Schema.Record({
    key: Schema.String,
    value: Schema.Union(Schema.String, Schema.Boolean, Schema.Array(Schema.String))
  })
}) {}
