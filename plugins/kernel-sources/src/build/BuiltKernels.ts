/**
 * Kernels that were built before: in the local cache, or in a remote cache that machines share.
 *
 * @since 0.1.0
 */
import type { FileSystem, Path } from "@effect/platform"
import type { RegisterError } from "@ktstr/core/base"
import {
  KernelCache,
  type KernelEntry,
  type KernelError,
  type RemoteCache,
  RemoteCacheError,
  RemoteCaches,
  type StoreInput,
  validEntries
} from "@ktstr/core/kernel"
import { Config, Effect, Layer, Option } from "effect"
import { makeGitHubCache, makeS3Cache, packEntry, unpackEntry } from "../remote/index.ts"
import { kernelFragmentHash } from "./KernelFragment.ts"
import type { Report } from "./Report.ts"

/**
 * Returns the entry that was built from `spec` (as in `metadata.source.spec`) with the current fragment.
 *
 * @since 0.1.0
 * @category accessors
 */
export const findBuilt: (spec: string) => Effect.Effect<Option.Option<KernelEntry>, KernelError, KernelCache> =
  Effect.fn("BuiltKernels.find")(function* (spec: string) {
    const cache = yield* KernelCache
    const hash = yield* kernelFragmentHash
    const entries = validEntries(yield* cache.list)
    return Option.fromNullable(
      entries.find(({ metadata }) => metadata.source.spec === spec && metadata.kconfigHash === hash)
    )
  })

const remoteKey = Effect.fnUntraced(function* (spec: string) {
  const hash = yield* kernelFragmentHash
  return `ktstr-kernel-1-x86_64-kc${hash.slice(0, 12)}-${spec.replace(/[^A-Za-z0-9.+-]+/g, "_")}`
})

const enabled = Effect.flatMap(RemoteCaches, ({ list }) => list)

/** Returns the checked entry that one remote cache has for the spec. */
const fromRemote = Effect.fn("BuiltKernels.fromRemote")(function* (remote: RemoteCache, spec: string) {
  const key = yield* remoteKey(spec)
  const archive = yield* remote.get(key)
  if (Option.isNone(archive)) return Option.none<StoreInput>()
  const corrupt = (message: string, cause?: unknown) =>
    new RemoteCacheError({ reason: "Corrupt", message: `${remote.name}: ${key} is corrupt: ${message}`, cause })
  const entry = yield* Effect.mapError(unpackEntry(archive.value), (cause) => corrupt(cause.message, cause))
  if (entry.source.spec === spec && entry.kconfigHash === (yield* kernelFragmentHash)) return Option.some(entry)
  return yield* corrupt(`it is a kernel of ${entry.source.spec}`)
})

const warn = (error: { readonly message: string }) =>
  Effect.logWarning(`remote kernel cache: ${error.message}; going on without it`)

/**
 * Copies an entry from a remote cache into the local one under the name `label`. None if no remote cache has it; their failures become warnings.
 *
 * @since 0.1.0
 * @category constructors
 */
export const recallBuilt: (
  spec: string,
  label: string,
  onAsk: (remote: string) => Effect.Effect<void>
) => Effect.Effect<Option.Option<KernelEntry>, KernelError, KernelCache | RemoteCaches> = Effect.fn(
  "BuiltKernels.recall"
)(function* (spec: string, label: string, onAsk: (remote: string) => Effect.Effect<void>) {
  const cache = yield* KernelCache
  for (const remote of yield* enabled) {
    yield* onAsk(remote.name)
    const found = yield* fromRemote(remote, spec).pipe(
      Effect.catchAll((error) => Effect.as(warn(error), Option.none<StoreInput>()))
    )
    if (Option.isSome(found)) return Option.some(yield* cache.store({ ...found.value, label }))
  }
  return Option.none()
})

/**
 * A kernel that is wanted.
 *
 * @since 0.1.0
 * @category models
 */
export interface WantedKernel {
  /** As in `metadata.source.spec`. */
  readonly spec: string
  /** Its name if a remote cache has it. */
  readonly label: string
  /** Processes that want the same kernel wait for one another under this name. */
  readonly lock: string
  /** What a waiting process says it waits for. */
  readonly name: string
  /** Build even when a cache has it. */
  readonly refresh: boolean
  readonly report: Report
}

/**
 * Returns the cached entry of a kernel, or that of a remote cache, or the result of `build`, which runs in one process at a time.
 *
 * @since 0.1.0
 * @category constructors
 */
export const builtOr: <R>(
  wanted: WantedKernel,
  build: Effect.Effect<KernelEntry, KernelError, R>
) => Effect.Effect<KernelEntry, KernelError, KernelCache | RemoteCaches | R> = Effect.fn("BuiltKernels.builtOr")(
  function* <R>(
    { label, lock, name, refresh, report, spec }: WantedKernel,
    build: Effect.Effect<KernelEntry, KernelError, R>
  ) {
    const cache = yield* KernelCache
    const cached = refresh ? Effect.succeedNone : findBuilt(spec)
    const hit = yield* cached
    if (Option.isSome(hit)) return hit.value
    return yield* cache.exclusively(
      lock,
      report("waiting", name)
    )(
      Effect.gen(function* () {
        // The process that held the lock may have built it.
        const found = yield* cached
        if (Option.isSome(found)) return found.value
        const recalled = refresh
          ? Option.none()
          : yield* recallBuilt(spec, label, (remote) => report("download", remote))
        return Option.isSome(recalled) ? recalled.value : yield* build
      })
    )
  }
)

/**
 * Copies an entry into the remote caches. Never fails.
 *
 * @since 0.1.0
 * @category constructors
 */
export const shareBuilt: (
  entry: KernelEntry
) => Effect.Effect<void, never, FileSystem.FileSystem | Path.Path | RemoteCaches> = Effect.fn("BuiltKernels.share")(
  function* (entry: KernelEntry) {
    const remotes = yield* enabled
    if (remotes.length === 0) return
    yield* Effect.gen(function* () {
      const key = yield* remoteKey(entry.metadata.source.spec)
      const archive = yield* packEntry(entry)
      yield* Effect.forEach(remotes, (remote) => Effect.catchAll(remote.put(key, archive), warn))
    }).pipe(Effect.catchAll(warn))
  }
)

/**
 * Registers the remote caches that the environment enables: `KTSTR_REMOTE_CACHE=s3://BUCKET[/PREFIX]` and `KTSTR_GHA_CACHE=1`.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerBuiltinRemoteCaches: Layer.Layer<never, RegisterError, RemoteCaches> = Layer.effectDiscard(
  Effect.gen(function* () {
    const { register } = yield* RemoteCaches
    const location = yield* Effect.option(Config.nonEmptyString("KTSTR_REMOTE_CACHE"))
    const github = yield* Effect.option(Config.nonEmptyString("KTSTR_GHA_CACHE"))
    if (Option.isSome(location)) yield* register(makeS3Cache(location.value))
    if (Option.isSome(github) && github.value !== "0") yield* register(makeGitHubCache())
  })
)
