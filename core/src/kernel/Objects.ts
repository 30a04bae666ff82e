/**
 * Objects that kernel builds keep in the cache on purpose, a gigabyte or more per tree, so that the next build of the tree is short.
 *
 * @since 0.1.0
 */
import { Command, type CommandExecutor, FileSystem, Path } from "@effect/platform"
import { Effect, Option } from "effect"

/**
 * Prefix of the names of object directories inside the cache directory.
 *
 * @since 0.1.0
 * @category constants
 */
export const objectsPrefix = ".objects-"

/**
 * Name under which builds exclude each other, for `KernelCache.exclusively`. Only its holder may touch objects.
 *
 * @since 0.1.0
 * @category constants
 */
export const buildLock = "build"

/**
 * The build objects of one tree.
 *
 * @since 0.1.0
 * @category models
 */
export interface KernelObjects {
  readonly path: string
  /** Bytes on disk; undefined if they can't be counted. */
  readonly bytes: number | undefined
  /** Time of the last build, in milliseconds since the epoch. */
  readonly usedAt: number
}

/** Returns the size of a directory in bytes, using `du`, which counts the tens of thousands of files of a tree quickly. */
const sizeOf = (directory: string): Effect.Effect<number | undefined, never, CommandExecutor.CommandExecutor> =>
  Command.make("du", "-sk", "--", directory).pipe(
    Command.stderr("pipe"),
    Command.string,
    Effect.map((text) => {
      const kibibytes = /^(\d+)\s/.exec(text)?.[1]
      return kibibytes === undefined ? undefined : Number(kibibytes) * 1024
    }),
    Effect.orElseSucceed(() => undefined)
  )

/**
 * Lists all object directories, the most recently used first. Returns none if the cache directory does not exist.
 *
 * @since 0.1.0
 * @category accessors
 */
export const listKernelObjects: (
  kernels: string
) => Effect.Effect<
  ReadonlyArray<KernelObjects>,
  never,
  FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor
> = Effect.fn("KernelObjects.list")(function* (kernels: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = yield* Effect.orElseSucceed(fs.readDirectory(kernels), () => [])
  const found = yield* Effect.forEach(
    names.filter((name) => name.startsWith(objectsPrefix)).map((name) => path.join(kernels, name)),
    (directory) =>
      Effect.gen(function* () {
        const { mtime } = yield* fs.stat(directory)
        const usedAt = Option.match(mtime, { onNone: () => 0, onSome: (time) => time.getTime() })
        return { path: directory, bytes: yield* sizeOf(directory), usedAt }
      }).pipe(Effect.option)
  )
  return found.flatMap(Option.toArray).sort((a, b) => b.usedAt - a.usedAt)
})
