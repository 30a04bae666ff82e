/**
 * Caches shared between machines. The local cache stays authoritative: remote data is checked and stored there first. A failing remote cache causes a
 * warning and never fails a run.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer, Option, Ref } from "effect"
import {
  guardPlugin,
  makeRegistry,
  type RegisterError,
  type Registrable,
  type Registry,
  registering
} from "../base/index.ts"
import { RemoteCacheError, type RemoteCacheErrorReason } from "./RemoteCacheError.ts"

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
 * The enabled remote caches, in the order in which they are queried. Each of them fails only with RemoteCacheError, whatever its code does. After a
 * failure other than `Corrupt` it has nothing and takes nothing.
 *
 * @since 0.1.0
 * @category services
 */
export class RemoteCaches extends Context.Tag("@ktstr/core/RemoteCaches")<
  RemoteCaches,
  Registry<RemoteCache, RemoteCacheError>
>() {}

const reasons: Readonly<Record<RemoteCacheErrorReason, true>> = {
  Settings: true,
  Transport: true,
  Refused: true,
  Corrupt: true,
  Broken: true
}

const guard = <A>(
  { name }: RemoteCache,
  member: "get" | "put",
  call: () => Effect.Effect<A, RemoteCacheError>,
  problem: (value: A) => string | undefined
) =>
  guardPlugin(call, {
    tag: "RemoteCacheError",
    reasons: Object.keys(reasons),
    problem,
    fault: (how, cause) =>
      new RemoteCacheError({
        reason: "Broken",
        cause,
        message: `the remote cache '${name}' failed in \`${member}\`: ${how}`
      })
  })

const noBytes = (found: unknown): string | undefined =>
  Option.isOption(found) && (Option.isNone(found) || found.value instanceof Uint8Array)
    ? undefined
    : "no Option of a Uint8Array"

/**
 * Returns the cache with errors of its documented class only. After a failure that another request would only repeat, it has nothing and takes nothing:
 * one warning is enough.
 */
const guarded = (remote: RemoteCache): Effect.Effect<RemoteCache> =>
  Effect.map(Ref.make(false), (broken) => {
    const unlessBroken =
      <A>(otherwise: A) =>
      (effect: Effect.Effect<A, RemoteCacheError>): Effect.Effect<A, RemoteCacheError> =>
        Effect.flatMap(Ref.get(broken), (isBroken) =>
          isBroken
            ? Effect.succeed(otherwise)
            : Effect.tapError(effect, ({ reason }) => Ref.set(broken, reason !== "Corrupt"))
        )
    return {
      name: remote.name,
      get: (key) =>
        unlessBroken<Option.Option<Uint8Array>>(Option.none())(guard(remote, "get", () => remote.get(key), noBytes)),
      put: (key, bytes) =>
        unlessBroken<void>(undefined)(
          guard(
            remote,
            "put",
            () => remote.put(key, bytes),
            () => undefined
          )
        )
    }
  })

const registrable: Registrable = {
  kind: "remote cache",
  maker: "RemoteCache.plugin({ name, get, put })",
  fields: { name: "name", get: "function", put: "function" }
}

/**
 * Provides an empty registry, in which plugins register.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerRemoteCaches: Layer.Layer<RemoteCaches> = Layer.effect(
  RemoteCaches,
  makeRegistry<RemoteCache, RemoteCacheError>({
    what: registrable,
    unknown: (name, hint) =>
      new RemoteCacheError({ reason: "Settings", message: `unknown remote cache '${name}'${hint}` }),
    accept: guarded
  })
)

/**
 * Functions for plugins that add a remote cache.
 *
 * @since 0.2.0
 * @category constructors
 */
export const RemoteCache: {
  /** Enables a cache. It is queried after all caches that were registered earlier. */
  readonly plugin: (cache: RemoteCache) => Layer.Layer<never, RegisterError, RemoteCaches>
} = {
  plugin: (cache) => registering(RemoteCaches, registrable, [cache])
}
