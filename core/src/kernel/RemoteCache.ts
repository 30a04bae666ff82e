/**
 * Caches that machines share. The local cache stays authoritative: what comes from elsewhere is checked and stored there first, and a
 * remote cache that fails costs a warning, never a run.
 *
 * @since 0.1.0
 */
import { Context, Data, type Effect, type Option } from "effect"

/**
 * @since 0.1.0
 * @category errors
 */
export class RemoteCacheError extends Data.TaggedError("RemoteCacheError")<{
  readonly reason:
    | "Settings" // a variable is missing or wrong
    | "Transport" // no connection, cut, too slow
    | "Refused" // the server's word: credentials, no such bucket
    | "Corrupt" // what it has under the key is not what was stored
  readonly message: string
  readonly cause?: unknown
}> {}

/**
 * Bytes under keys of letters, digits and `.+-_`. Nobody vouches for what `get` gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface RemoteCache {
  /** For people, without credentials, e.g. `s3://bucket/prefix`. */
  readonly name: string
  /** None when there is nothing under the key. */
  readonly get: (key: string) => Effect.Effect<Option.Option<Uint8Array>, RemoteCacheError>
  /** Stores, or leaves what another machine stored under the same key in the meantime. */
  readonly put: (key: string, bytes: Uint8Array) => Effect.Effect<void, RemoteCacheError>
}

/**
 * The remote caches that are switched on, in the order in which they are asked. None by default.
 *
 * @since 0.1.0
 * @category services
 */
export class RemoteCaches extends Context.Reference<RemoteCaches>()("@ktstr/core/RemoteCaches", {
  defaultValue: (): ReadonlyArray<RemoteCache> => []
}) {}
