/**
 * What lies in a kernel cache beside its entries, and cannot be told by a mark in its name: locks of killed processes, and downloads and objects
 * that nobody came back for.
 *
 * @since 0.1.0
 */
import { type CommandExecutor, FileSystem, Path } from "@effect/platform"
import { Clock, Effect, Option } from "effect"
import { acquireFileLock, findLocks, ownTemporaryPrefix } from "../host/index.ts"
import { lockDirectory } from "./Cache.ts"
import { buildLock, listKernelObjects } from "./Objects.ts"

/**
 * Where sources are on their way, inside the cache directory: tarballs as `linux-VERSION.tar.xz` with `.part` and `.part.etag`, under the lock
 * `release-VERSION`; git clones under a lock of their own name.
 *
 * @since 0.1.0
 * @category constants
 */
export const downloadDirectory = ".downloads"

/** A download that was cut can be resumed for so long. */
const resumableMs = 24 * 60 * 60 * 1000

/** The objects of a tree are worth minutes of compiling to whoever comes back to it. */
const rebuildableMs = 7 * 24 * 60 * 60 * 1000

/**
 * @since 0.1.0
 * @category models
 */
export interface CacheRemain {
  readonly path: string
  /** `lock`: nobody holds it. `download`: nobody works on it. `objects`: of a tree, and nobody builds. */
  readonly kind: "lock" | "download" | "objects"
}

/**
 * @since 0.1.0
 * @category models
 */
export interface CacheRemainsOptions {
  /** Downloads and objects of any age: without, only downloads that nobody resumed for a day, and objects that nobody built in for a week. */
  readonly fresh?: boolean | undefined
  /** Remove nothing. */
  readonly dryRun?: boolean | undefined
}

/**
 * Finds what is left in a cache directory, and removes it unless `dryRun`; gives what was removed or would be. Nothing that a living process
 * has a lock on is touched. Never fails: what can't be removed stays.
 *
 * @since 0.1.0
 * @category maintenance
 */
export const cleanCacheRemains: (
  kernels: string,
  options?: CacheRemainsOptions
) => Effect.Effect<
  ReadonlyArray<CacheRemain>,
  never,
  FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor
> = Effect.fn("CacheRemains.clean")(function* (kernels: string, options: CacheRemainsOptions = {}) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { dryRun = false, fresh = false } = options
  const now = yield* Clock.currentTimeMillis
  const names = (directory: string) =>
    Effect.map(
      Effect.orElseSucceed(fs.readDirectory(path.join(kernels, directory)), () => []),
      (found) => found.sort()
    )
  const held = new Set((yield* findLocks((file) => Effect.succeed(file.endsWith(".lock")))).map((lock) => lock.path))
  const lockFile = (name: string) => path.join(kernels, lockDirectory, `${name}.lock`)
  /** While nobody else can begin to use it; false when somebody does. */
  const alone = (name: string, effect: Effect.Effect<void>) =>
    Effect.scoped(
      Effect.tap(acquireFileLock(lockFile(name), { timeoutS: 0 }), (locked) => (locked ? effect : Effect.void))
    )

  const downloads = yield* Effect.filter(yield* names(downloadDirectory), (name) =>
    fresh
      ? Effect.succeed(true)
      : Effect.match(fs.stat(path.join(kernels, downloadDirectory, name)), {
          onFailure: () => false,
          onSuccess: ({ mtime }) => now - Option.getOrElse(mtime, () => new Date(now)).getTime() > resumableMs
        })
  )
  const removed: Array<CacheRemain> = []
  for (const name of downloads) {
    const file = path.join(kernels, downloadDirectory, name)
    const version = /^linux-(.*?)\.tar/.exec(name)?.[1]
    const lock = version === undefined ? name : `release-${version}`
    const gone = dryRun
      ? !held.has(lockFile(lock))
      : yield* alone(lock, Effect.ignore(fs.remove(file, { recursive: true, force: true })))
    if (gone) removed.push({ path: file, kind: "download" })
  }
  const old = (yield* listKernelObjects(kernels)).filter(({ usedAt }) => fresh || now - usedAt > rebuildableMs)
  if (old.length > 0) yield* Effect.ignore(fs.makeDirectory(path.join(kernels, lockDirectory), { recursive: true }))
  for (const { path: directory } of old) {
    // Renamed first: half a tree's objects are never built in, and what is half removed has a name that tells whose it is.
    const outgoing = path.join(kernels, `${yield* ownTemporaryPrefix(".old")}${crypto.randomUUID().slice(0, 8)}`)
    const gone = dryRun
      ? !held.has(lockFile(buildLock))
      : yield* Effect.zipWith(
          alone(buildLock, Effect.ignore(fs.rename(directory, outgoing))),
          Effect.isSuccess(fs.access(directory)),
          (locked, there) => locked && !there
        )
    if (!dryRun) yield* Effect.ignore(fs.remove(outgoing, { recursive: true, force: true }))
    if (gone) removed.push({ path: directory, kind: "objects" })
  }
  for (const name of yield* names(lockDirectory)) {
    const file = path.join(kernels, lockDirectory, name)
    if (!name.endsWith(".lock") || held.has(file)) continue
    // Whoever has a lock removes its file when it gives it up.
    if (dryRun || (yield* alone(name.slice(0, -".lock".length), Effect.void))) {
      removed.push({ path: file, kind: "lock" })
    }
  }
  return removed
})
