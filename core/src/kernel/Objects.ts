/**
 * What builds of kernel trees leave in a kernel cache on purpose: their objects, a gigabyte or more each, with which the next build of the tree
 * is short.
 *
 * @since 0.1.0
 */
import { Command, type CommandExecutor, FileSystem, Path } from "@effect/platform"
import { Effect, Option } from "effect"

/**
 * How the names of their directories begin, inside the cache directory.
 *
 * @since 0.1.0
 * @category constants
 */
export const objectsPrefix = ".objects-"

/**
 * The name under which builds are exclusive, for `KernelCache.exclusively`: whoever has it may touch objects.
 *
 * @since 0.1.0
 * @category constants
 */
export const buildLock = "build"

/**
 * The objects of one tree.
 *
 * @since 0.1.0
 * @category models
 */
export interface KernelObjects {
  readonly path: string
  /** Bytes on disk; undefined where they can't be counted. */
  readonly bytes: number | undefined
  /** When they were last built in, in milliseconds of the epoch. */
  readonly usedAt: number
}

/** `du -s` in KiB: a tree has tens of thousands of files, which it counts in a moment. */
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
 * All of them, those used last first. A cache directory that is not there has none.
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
