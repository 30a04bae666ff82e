/**
 * What the user typed cannot be done; exit 64.
 *
 * @since 0.1.0
 */
import { ExitCode } from "@ktstr/core"
import { Data } from "effect"

/**
 * @since 0.1.0
 * @category errors
 */
export class UsageError extends Data.TaggedError("UsageError")<{
  /** One line: what was wrong, with which value, and what would be right. */
  readonly message: string
}> {
  readonly exitCode = ExitCode.usage
}
