/**
 * Numbers out of free-form program output, by a local language model.
 *
 * @since 0.1.0
 */
import { Context, Data, type Effect } from "effect"

/**
 * `Missing`: the model is not in the cache. `Load`: it is there and can't be loaded. `Output`: it answered with no numbers.
 *
 * @since 0.1.0
 * @category errors
 */
export class LlmExtractError extends Data.TaggedError("LlmExtractError")<{
  readonly reason: "Missing" | "Load" | "Output"
  readonly message: string
}> {}

/**
 * @since 0.1.0
 * @category models
 */
export interface ExtractedMetric {
  readonly name: string
  readonly value: number
  /** As the output writes it; undefined: none is given. */
  readonly unit: string | undefined
}

/**
 * Reads metrics from output that no format understands. A plugin provides it; without one, payloads that ask for it fail
 * before anything is booted.
 *
 * @since 0.1.0
 * @category services
 */
export class LlmExtract extends Context.Tag("@ktstr/core/LlmExtract")<
  LlmExtract,
  {
    /** `hint` says what the output is and what to look for. Every number given was present in the text. */
    readonly extract: (text: string, hint: string) => Effect.Effect<ReadonlyArray<ExtractedMetric>, LlmExtractError>
  }
>() {}
