/**
 * A format that nobody registered.
 *
 * @since 0.2.0
 */
import { Data } from "effect"

/**
 * No reporter has that name.
 *
 * @since 0.2.0
 * @category errors
 */
export class UnknownReporter extends Data.TaggedError("UnknownReporter")<{
  readonly name: string
  readonly message: string
}> {}
