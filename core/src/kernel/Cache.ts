/**
 * The kernel cache on disk: one directory per entry, either complete or absent.
 *
 * A writer fills a hidden sibling of the entry and renames it into place under the entry's lock. A reader therefore needs neither a lock nor write
 * permission, and never sees a partial entry.
 *
 * @since 0.1.0
 */
import { CommandExecutor, FileSystem, Path } from "@effect/platform"
import type { PlatformError } from "@effect/platform/Error"
import { Context, DateTime, Effect, Exit, Layer, Option, Scope } from "effect"
import { sha256Hex } from "../base/index.ts"
import { type CacheDirs, type CacheError, cacheWriteError, resolveCacheDirs } from "../cache/index.ts"
import {
  acquireFileLock,
  cleanUp,
  type FileLockOptions,
  findLockRefusal,
  ownTemporaryPrefix,
  type TemporaryStem
} from "../host/index.ts"
import { KernelError } from "./Error.ts"
import { type CacheEntry, type KernelEntry, readKernelEntry } from "./entry.ts"
import { encodeKernelMetadata, KernelMetadata } from "./Metadata.ts"
import { writeDurably } from "./sparseFile.ts"

/**
 * Returns the valid entries.
 *
 * @since 0.1.0
 * @category accessors
 */
export const validEntries = (entries: ReadonlyArray<CacheEntry>): ReadonlyArray<KernelEntry> =>
  entries.flatMap((found) => (found._tag === "Valid" ? [found.entry] : []))

/**
 * What to store. The cache adds sizes, hashes, tool version and time.
 *
 * @since 0.1.0
 * @category models
 */
export interface StoreInput {
  readonly key: string
  readonly version: string
  readonly label: string
  readonly source: KernelMetadata["source"]
  readonly schedExt: boolean | null
  /** Hash of the configuration fragment, for a kernel that ktstr built. */
  readonly kconfigHash?: string | undefined
  /** The complete kernel configuration. */
  readonly config?: Uint8Array | undefined
  readonly image: Uint8Array
  readonly vmlinux:
    | { readonly _tag: "Elf"; readonly bytes: Uint8Array }
    | { readonly _tag: "Absent"; readonly reason: string }
}

/**
 * The kernel cache of this user.
 *
 * @since 0.1.0
 * @category services
 */
export class KernelCache extends Context.Tag("@ktstr/core/KernelCache")<
  KernelCache,
  {
    /** The cache directories, resolved from the environment at each use. Fails with the reason `Cache` if the environment names none. */
    readonly directories: Effect.Effect<CacheDirs, KernelError>
    /** Lists all entries, newest first, corrupt ones last. An absent cache directory counts as empty. */
    readonly list: Effect.Effect<ReadonlyArray<CacheEntry>, KernelError>
    /**
     * Lists like {@link list}, and compares every file with its hash in the metadata, which takes a tenth of a second per entry. `list` and `lookup`
     * do so only for files that were touched since they were stored.
     */
    readonly verify: Effect.Effect<ReadonlyArray<CacheEntry>, KernelError>
    /** Returns the entry with that key; none if it is absent or corrupt. */
    readonly lookup: (key: string) => Effect.Effect<Option.Option<KernelEntry>, KernelError>
    /** Adds an entry. If a valid entry has the same key, it is kept and returned, unless `replace` is set; a corrupt one is replaced. */
    readonly store: (
      input: StoreInput,
      options?: { readonly replace?: boolean | undefined }
    ) => Effect.Effect<KernelEntry, KernelError>
    /** Removes an entry, valid or corrupt, and its files. Does nothing if there is no such key. A running machine keeps its kernel. */
    readonly remove: (key: string) => Effect.Effect<void, KernelError>
    /**
     * Runs an effect while no other process runs one under the same name, so that two processes don't fetch the same kernel. If locks are
     * unavailable, it runs the effect without one.
     */
    readonly exclusively: (
      name: string,
      onWait: Effect.Effect<void>
    ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | KernelError, R>
  }
>() {}

/**
 * Version of ktstr recorded in new entries.
 *
 * @since 0.1.0
 * @category constants
 */
export const toolVersion = "0.1.0"

/**
 * Directory of the locks inside a cache directory.
 *
 * @since 0.1.0
 * @category constants
 */
export const lockDirectory = ".locks"

/** Longest wait for a lock, in seconds. The effect under the lock may be a build; the lock is released however the build ends. */
const maxWaitS = 24 * 60 * 60

/** Converts a CacheError to a KernelError. */
const unusable = ({ message, cause }: CacheError): KernelError => new KernelError({ reason: "Cache", message, cause })

const notUsable = (...words: Parameters<typeof cacheWriteError>): KernelError => unusable(cacheWriteError(...words))

/** Returns whether a name can be that of an entry: not a path and not hidden. */
const isKey = (name: string): boolean => name !== "" && !name.startsWith(".") && !name.includes("/")

/**
 * Makes the kernel cache of the directory that the environment names.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeKernelCache: Effect.Effect<
  KernelCache["Type"],
  never,
  FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor
> = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const executor = yield* CommandExecutor.CommandExecutor
  const directories = Effect.provideService(resolveCacheDirs, Path.Path, path).pipe(Effect.mapError(unusable))

  const readEntry = (root: string, key: string, everyHash = false): Effect.Effect<CacheEntry> =>
    readKernelEntry(root, key, everyHash).pipe(
      Effect.provideService(FileSystem.FileSystem, fs),
      Effect.provideService(Path.Path, path)
    )

  const listEntries = Effect.fn("KernelCache.list")(function* (everyHash: boolean) {
    const { kernels } = yield* directories
    const names = yield* fs
      .readDirectory(kernels)
      .pipe(
        Effect.catchAll((cause) =>
          cause._tag === "SystemError" && cause.reason === "NotFound"
            ? Effect.succeed<Array<string>>([])
            : notUsable("read", kernels, cause)
        )
      )
    const entries = yield* Effect.forEach(
      names.filter(isKey).sort(),
      (name) =>
        fs.stat(path.join(kernels, name)).pipe(
          Effect.map((info) => info.type === "Directory"),
          Effect.orElseSucceed(() => true),
          Effect.flatMap((isEntry) =>
            isEntry ? Effect.asSome(readEntry(kernels, name, everyHash)) : Effect.succeedNone
          )
        ),
      { concurrency: everyHash ? 2 : 8 }
    )
    const age = (entry: CacheEntry): number =>
      entry._tag === "Valid" ? -DateTime.toEpochMillis(entry.entry.metadata.builtAt) : Number.POSITIVE_INFINITY
    return entries.flatMap(Option.toArray).sort((a, b) => (age(a) === age(b) ? 0 : age(a) - age(b)))
  })

  const lookup = Effect.fn("KernelCache.lookup")(function* (key: string) {
    const { kernels } = yield* directories
    if (!isKey(key)) return Option.none<KernelEntry>()
    const found = yield* readEntry(kernels, key)
    return found._tag === "Valid" ? Option.some(found.entry) : Option.none<KernelEntry>()
  })

  const lock = Effect.fnUntraced(function* (kernels: string, name: string, options: FileLockOptions = {}) {
    const file = path.join(kernels, lockDirectory, `${name}.lock`)
    // If the directory can't be made, the lock can't be taken either, and the writer reports the error.
    yield* Effect.ignore(fs.makeDirectory(path.dirname(file), { recursive: true }))
    return yield* Effect.provideService(acquireFileLock(file, options), CommandExecutor.CommandExecutor, executor)
  })

  const nearestExisting = (directory: string): Effect.Effect<string> =>
    Effect.flatMap(
      Effect.orElseSucceed(fs.exists(directory), () => false),
      (there) => (there ? Effect.succeed(directory) : nearestExisting(path.dirname(directory)))
    )

  /** Fails if locks are unreliable on this file system: two writers could then damage each other's work. */
  const checkLocks = (kernels: string) =>
    findLockRefusal(path.join(kernels, lockDirectory)).pipe(
      Effect.provideService(FileSystem.FileSystem, fs),
      Effect.provideService(Path.Path, path),
      Effect.flatMap((refusal) =>
        refusal === undefined
          ? Effect.void
          : new KernelError({ reason: "Cache", message: `${refusal} KTSTR_CACHE_DIR names another cache directory.` })
      )
    )

  /** Makes one directory at a time: if mkdir(2) fails with ENOENT, as in /proc, Node's recursive mkdir retries forever. */
  const makeBelow = (existing: string, directory: string): Effect.Effect<void, PlatformError> =>
    directory === existing
      ? fs.makeDirectory(directory, { recursive: true })
      : makeBelow(existing, path.dirname(directory)).pipe(
          Effect.zipRight(fs.makeDirectory(directory)),
          Effect.catchIf(
            (cause) => cause._tag === "SystemError" && cause.reason === "AlreadyExists",
            () => fs.makeDirectory(directory, { recursive: true })
          )
        )

  const writable = Effect.flatMap(directories, ({ kernels }) =>
    nearestExisting(kernels).pipe(
      // Node's recursive mkdir reports ENOENT for a read-only file system; access(2) gives the real error.
      Effect.tap((existing) => fs.access(existing, { writable: true })),
      Effect.tap((existing) => makeBelow(existing, kernels)),
      Effect.as(kernels),
      Effect.catchAll((cause) => notUsable("write", kernels, cause)),
      (makes) => Effect.zipRight(checkLocks(kernels), makes)
    )
  )

  /** Removes the temporary files of writers that died; their names identify the writer. */
  const removeAbandoned = (kernels: string) =>
    cleanUp([{ directory: kernels, kind: "cache" }]).pipe(
      Effect.provideService(FileSystem.FileSystem, fs),
      Effect.provideService(Path.Path, path)
    )

  const store = Effect.fn("KernelCache.store")(function* (
    input: StoreInput,
    options?: { readonly replace?: boolean | undefined }
  ) {
    const kernels = yield* writable
    const record = (file: string, bytes: Uint8Array) =>
      Effect.map(sha256Hex(bytes), (sha256) => ({ file, size: bytes.length, sha256 }))
    const metadata = new KernelMetadata({
      schemaVersion: 1,
      key: input.key,
      version: input.version,
      label: input.label,
      arch: "x86_64",
      source: input.source,
      toolVersion,
      builtAt: yield* DateTime.now,
      image: yield* record("bzImage", input.image),
      vmlinux: input.vmlinux._tag === "Elf" ? yield* record("vmlinux", input.vmlinux.bytes) : null,
      vmlinuxAbsent: input.vmlinux._tag === "Absent" ? input.vmlinux.reason : null,
      schedExt: input.schedExt,
      kconfigHash: input.kconfigHash ?? null,
      config: input.config === undefined ? null : yield* record("config", input.config)
    })
    const target = path.join(kernels, input.key)
    const suffix = crypto.randomUUID().slice(0, 8)
    const own = (stem: TemporaryStem) => Effect.provideService(ownTemporaryPrefix(stem), FileSystem.FileSystem, fs)
    const temporary = path.join(kernels, `${yield* own(".tmp")}${suffix}`)
    const outgoing = path.join(kernels, `${yield* own(".old")}${suffix}`)

    const write = Effect.gen(function* () {
      yield* lock(kernels, input.key)
      yield* removeAbandoned(kernels)
      const present = yield* readEntry(kernels, input.key)
      if (present._tag === "Valid" && options?.replace !== true) return present
      yield* fs.makeDirectory(temporary)
      yield* writeDurably(fs, path.join(temporary, "bzImage"), input.image)
      if (input.vmlinux._tag === "Elf") yield* writeDurably(fs, path.join(temporary, "vmlinux"), input.vmlinux.bytes)
      if (input.config !== undefined) yield* writeDurably(fs, path.join(temporary, "config"), input.config)
      const encoded = new TextEncoder().encode(encodeKernelMetadata(metadata))
      yield* writeDurably(fs, path.join(temporary, "metadata.json"), encoded)
      if (yield* fs.exists(target)) yield* fs.rename(target, outgoing)
      // Without a lock another writer may have been faster: rename(2) does not replace a directory that is not empty.
      yield* fs
        .rename(temporary, target)
        .pipe(
          Effect.catchAll((cause) =>
            Effect.flatMap(fs.exists(target), (there) => (there ? Effect.void : Effect.fail(cause)))
          )
        )
      return yield* readEntry(kernels, input.key)
    })
    const remove = (directory: string) => Effect.ignore(fs.remove(directory, { recursive: true, force: true }))
    const stored = yield* write.pipe(
      Effect.catchAll((cause) => notUsable("write", kernels, cause)),
      Effect.ensuring(Effect.zipRight(remove(temporary), remove(outgoing))),
      Effect.scoped
    )
    if (stored._tag === "Corrupt") return yield* notUsable("write", kernels, new Error(stored.corruption.error))
    return stored.entry
  })

  const removeEntry = Effect.fn("KernelCache.remove")(function* (key: string) {
    const kernels = yield* writable
    const target = path.join(kernels, key)
    const prefix = yield* Effect.provideService(ownTemporaryPrefix(".old"), FileSystem.FileSystem, fs)
    const outgoing = path.join(kernels, `${prefix}${crypto.randomUUID().slice(0, 8)}`)
    yield* Effect.gen(function* () {
      if (!isKey(key)) return
      yield* lock(kernels, key)
      if (!(yield* fs.exists(target))) return
      // Rename first, so that nobody sees a partial entry.
      yield* fs.rename(target, outgoing)
      yield* fs.remove(outgoing, { recursive: true, force: true })
    }).pipe(
      Effect.scoped,
      Effect.catchAll((cause) => notUsable("write", kernels, cause))
    )
  })

  return KernelCache.of({
    directories,
    list: listEntries(false),
    verify: listEntries(true),
    lookup,
    store,
    remove: removeEntry,
    exclusively: (name, onWait) => (effect) =>
      Effect.acquireUseRelease(
        Scope.make(),
        (scope) =>
          writable.pipe(
            Effect.flatMap((kernels) => Scope.extend(lock(kernels, name, { onWait, timeoutS: maxWaitS }), scope)),
            Effect.zipRight(effect)
          ),
        (scope) => Scope.close(scope, Exit.void)
      )
  })
})

/**
 * Provides {@link KernelCache}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKernelCache: Layer.Layer<
  KernelCache,
  never,
  FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor
> = Layer.effect(KernelCache, makeKernelCache)
