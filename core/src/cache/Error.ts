/**
 * Errors of cache directories.
 *
 * @since 0.2.0
 */
import { Data } from "effect"

/**
 * A cache directory can't be determined, read or written; the message says why and what to do.
 *
 * @since 0.2.0
 * @category errors
 */
export class CacheError extends Data.TaggedError("CacheError")<{
  readonly message: string
  readonly cause?: unknown
}> {}
