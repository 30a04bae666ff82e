/**
 * The error for a command line that can't be carried out; exit 64.
 *
 * @since 0.1.0
 */
import { ExitCode } from "@ktstr/core"
import { Data } from "effect"

/**
 * Says in one line what is wrong with the command line.
 *
 * @since 0.1.0
 * @category errors
 */
export class UsageError extends Data.TaggedError("UsageError")<{
  /** One line that says what is wrong, with which value, and what is right. */
  readonly message: string
}> {
  readonly exitCode = ExitCode.usage
}
