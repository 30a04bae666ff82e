/**
 * What keeps `ktstr explore` and `ktstr replay` from a test's result.
 *
 * @since 0.1.0
 */
import { Data } from "effect"

/**
 * A test came to no result.
 *
 * @since 0.1.0
 * @category errors
 */
export class TestRunError extends Data.TaggedError("TestRunError")<{
  readonly message: string
  /** Of what kept it from one. */
  readonly exitCode: number
}> {}
