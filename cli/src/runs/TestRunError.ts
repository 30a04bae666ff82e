/**
 * The error of `ktstr explore` and `ktstr replay` for a test without a result.
 *
 * @since 0.1.0
 */
import { Data } from "effect"

/**
 * Says that a test gave no result.
 *
 * @since 0.1.0
 * @category errors
 */
export class TestRunError extends Data.TaggedError("TestRunError")<{
  readonly message: string
  /** The exit code for the reason. */
  readonly exitCode: number
}> {}
