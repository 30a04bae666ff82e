/**
 * What goes wrong when a guest's files are gathered.
 *
 * @since 0.1.0
 */
import { Data } from "effect"

/**
 * A file that is not there, can't be read or can't be written; the message names it.
 *
 * @since 0.1.0
 * @category errors
 */
export class InitramfsError extends Data.TaggedError("InitramfsError")<{
  readonly message: string
  readonly cause?: unknown
}> {}
