/**
 * Why a cache directory can't be used.
 *
 * @since 0.2.0
 */
import { Data } from "effect"

/**
 * The directory can't be named, read or written; the message says why and what to do.
 *
 * @since 0.2.0
 * @category errors
 */
export class CacheError extends Data.TaggedError("CacheError")<{
  readonly message: string
  readonly cause?: unknown
}> {}
