/**
 * Errors while a guest's files are collected.
 *
 * @since 0.1.0
 */
import { Data } from "effect"

/**
 * A file is missing, or can't be read or written; the message names it.
 *
 * @since 0.1.0
 * @category errors
 */
export class InitramfsError extends Data.TaggedError("InitramfsError")<{
  readonly message: string
  readonly cause?: unknown
}> {}
