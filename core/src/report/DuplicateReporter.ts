/**
 * Name clashes of output formats.
 *
 * @since 0.1.0
 */
import { Data } from "effect"

/**
 * Two plugins register the same output format.
 *
 * @since 0.1.0
 * @category errors
 */
export class DuplicateReporter extends Data.TaggedError("DuplicateReporter")<{ readonly name: string }> {
  override get message(): string {
    return `two plugins register the output format '${this.name}'; remove one of them from ktstr.config.ts`
  }
}
