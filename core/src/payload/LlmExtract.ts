/**
 * Extracts numbers from free-form program output with a local language model.
 *
 * @since 0.1.0
 */
import { Context, Data, type Effect } from "effect"

/**
 * The model can't be used. `Missing`: it is not in the cache. `Load`: it can't be loaded. `Output`: it returned no numbers.
 *
 * @since 0.1.0
 * @category errors
 */
export class LlmExtractError extends Data.TaggedError("LlmExtractError")<{
  readonly reason: "Missing" | "Load" | "Output"
  readonly message: string
}> {}

/**
 * A metric that the model found.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExtractedMetric {
  readonly name: string
  readonly value: number
  /** The unit as written in the output; undefined: none. */
  readonly unit: string | undefined
}

/**
 * Reads metrics from output that no format understands. A plugin provides it; without one, payloads that need it fail before anything boots.
 *
 * @since 0.1.0
 * @category services
 */
export class LlmExtract extends Context.Tag("@ktstr/core/LlmExtract")<
  LlmExtract,
  {
    /** Extracts metrics from a text. `hint` says what the output is and what to look for. Every returned number occurs in the text. */
    readonly extract: (text: string, hint: string) => Effect.Effect<ReadonlyArray<ExtractedMetric>, LlmExtractError>
  }
>() {}
