/**
 * Caches shared between machines. The local cache stays authoritative: remote data is checked and stored there first. A failing remote cache causes a
 * warning and never fails a run.
 *
 * @since 0.1.0
 */
import { Context, Data, type Effect, type Option } from "effect"

/**
 * An operation on a remote cache failed.
 *
 * @since 0.1.0
 * @category errors
 */
export class RemoteCacheError extends Data.TaggedError("RemoteCacheError")<{
  readonly reason:
    | "Settings" // a variable is missing or wrong
    | "Transport" // no connection, connection lost, or too slow
    | "Refused" // refused by the server: wrong credentials, no such bucket
    | "Corrupt" // the content under the key is not what was stored
  readonly message: string
  readonly cause?: unknown
}> {}

/**
 * A store of bytes, with keys of letters, digits and `.+-_`. Callers must verify what `get` returns.
 *
 * @since 0.1.0
 * @category models
 */
export interface RemoteCache {
  /** Name for people, without credentials, e.g. `s3://bucket/prefix`. */
  readonly name: string
  /** Returns the bytes under a key, or none if the key does not exist. */
  readonly get: (key: string) => Effect.Effect<Option.Option<Uint8Array>, RemoteCacheError>
  /** Stores bytes under a key. If another machine has stored some under the same key in the meantime, those stay. */
  readonly put: (key: string, bytes: Uint8Array) => Effect.Effect<void, RemoteCacheError>
}

/**
 * The enabled remote caches, in the order in which they are queried. None by default.
 *
 * @since 0.1.0
 * @category services
 */
export class RemoteCaches extends Context.Reference<RemoteCaches>()("@ktstr/core/RemoteCaches", {
  defaultValue: (): ReadonlyArray<RemoteCache> => []
}) {}
