/**
 * Leftovers in a kernel cache whose names do not identify an owner: locks of killed processes, and abandoned downloads and build objects.
 *
 * @since 0.1.0
 */
import { type CommandExecutor, FileSystem, Path } from "@effect/platform"
import { Clock, Effect, Option } from "effect"
import { acquireFileLock, findLocks, ownTemporaryPrefix } from "../host/index.ts"
import { lockDirectory } from "./Cache.ts"
import { buildLock, listKernelObjects } from "./Objects.ts"

/**
 * Directory of unfinished downloads inside the cache directory: tarballs as `linux-VERSION.tar.xz` with `.part` and `.part.etag`, under the lock
 * `release-VERSION`; git clones under a lock with their own name.
 *
 * @since 0.1.0
 * @category constants
 */
export const downloadDirectory = ".downloads"

/** How long an interrupted download can be resumed, in milliseconds. */
const resumableMs = 24 * 60 * 60 * 1000

/** How long the objects of a tree are kept, in milliseconds; they save minutes of compiling when the tree is built again. */
const rebuildableMs = 7 * 24 * 60 * 60 * 1000

/**
 * A leftover in a kernel cache.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheLeftover {
  readonly path: string
  /** `lock`: no process holds it. `download`: no process is working on it. `objects`: build objects of a tree while no build is running. */
  readonly kind: "lock" | "download" | "objects"
}

/**
 * Which leftovers to remove.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheLeftoversOptions {
  /**
   * Include downloads and objects of any age. Default: only downloads that were not resumed for a day, and objects that were not used by a build for
   * a week.
   */
  readonly fresh?: boolean | undefined
  /** List leftovers without removing them. */
  readonly dryRun?: boolean | undefined
}

/**
 * Removes the leftovers in a cache directory, unless `dryRun` is set, and returns what was or would be removed. Leaves alone everything that a living
 * process has locked. Never fails: what can't be removed stays.
 *
 * @since 0.1.0
 * @category maintenance
 */
export const cleanCacheLeftovers: (
  kernels: string,
  options?: CacheLeftoversOptions
) => Effect.Effect<
  ReadonlyArray<CacheLeftover>,
  never,
  FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor
> = Effect.fn("CacheLeftovers.clean")(function* (kernels: string, options: CacheLeftoversOptions = {}) {
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
  /** Runs an effect under a lock, so that no other process can start to use the file; false if another process has the lock. */
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
  const removed: Array<CacheLeftover> = []
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
    // Rename first, so that no build uses partly removed objects, and the name of an unfinished removal identifies its owner.
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
    // Releasing the lock removes its file.
    if (dryRun || (yield* alone(name.slice(0, -".lock".length), Effect.void))) {
      removed.push({ path: file, kind: "lock" })
    }
  }
  return removed
})
