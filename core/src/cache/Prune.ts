/**
 * Limits the size of a cache whose files are named by content.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import { Clock, Effect, Option } from "effect"

/** A run may be about to open a file that was used less than this many milliseconds ago. */
const inUseMs = 60 * 60 * 1000

/**
 * Removes the files of a directory that end in `suffix`, and temporary files of writers that died, if they were not used in the last hour. Keeps the
 * `keep` most recently used files. A file's modification time is its time of use. Never fails.
 *
 * @since 0.1.0
 * @category maintenance
 */
export const pruneCache: (
  directory: string,
  suffix: string,
  keep: number
) => Effect.Effect<void, never, FileSystem.FileSystem | Path.Path> = Effect.fn("PruneCache.prune")(function* (
  directory: string,
  suffix: string,
  keep: number
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const now = yield* Clock.currentTimeMillis
  const names = yield* fs.readDirectory(directory)
  const files = yield* Effect.forEach(
    names.filter((name) => name.endsWith(suffix) || name.startsWith(".tmp-")),
    (name) =>
      Effect.map(fs.stat(path.join(directory, name)), (info) => ({
        name,
        used: Option.match(info.mtime, { onNone: () => 0, onSome: (time) => time.getTime() })
      }))
  )
  const kept = new Set(
    files
      .filter(({ name }) => name.endsWith(suffix))
      .sort((a, b) => b.used - a.used)
      .slice(0, keep)
      .map(({ name }) => name)
  )
  yield* Effect.forEach(
    files.filter(({ name, used }) => !kept.has(name) && now - used > inUseMs),
    ({ name }) => fs.remove(path.join(directory, name), { force: true }),
    { discard: true }
  )
}, Effect.ignore)
