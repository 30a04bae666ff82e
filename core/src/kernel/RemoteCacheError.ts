/**
 * Errors of remote caches.
 *
 * @since 0.2.0
 */
import { Data } from "effect"

/**
 * All reasons why an operation on a remote cache fails.
 *
 * @since 0.2.0
 * @category errors
 */
export type RemoteCacheErrorReason =
  | "Settings" // a variable is missing or wrong
  | "Transport" // no connection, connection lost, or too slow
  | "Refused" // refused by the server: wrong credentials, no such bucket
  | "Corrupt" // the content under the key is not what was stored
  | "Broken" // the cache's own code threw, or returned something else than documented

/**
 * An operation on a remote cache failed.
 *
 * @since 0.1.0
 * @category errors
 */
export class RemoteCacheError extends Data.TaggedError("RemoteCacheError")<{
  readonly reason: RemoteCacheErrorReason
  readonly message: string
  readonly cause?: unknown
}> {}
