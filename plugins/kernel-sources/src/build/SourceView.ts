/**
 * A kernel source in a form that make can build: without objects in it, at a path without spaces.
 *
 * @since 0.1.0
 */
import { type CommandExecutor, FileSystem, Path } from "@effect/platform"
import { KernelError } from "@ktstr/core/kernel"
import { Effect } from "effect"
import { runTool } from "./RunTool.ts"
import type { KernelSourcePath } from "./SourceTree.ts"
import { checkTarball } from "./TarballCheck.ts"

/** What the kernel's Makefile looks for before it builds out of a tree: the traces of a build in it. */
const traces = [".config", "include/config", "arch/x86/include/generated"]

/** Left out of copies: history, and the objects of a build. */
const left = [
  ["--anchored", "--exclude=./.git", "--exclude=./vmlinux", "--exclude=./vmlinux.*"],
  ["--no-anchored", "--exclude=*.o", "--exclude=*.ko", "--exclude=*.a", "--exclude=*.cmd", "--exclude=*.dwo"]
].flat()

/** `$1` is the source, `$2` the target, the rest is left out. Unlike sh, bash reports a failure of the first of two programs. */
const copyScript =
  'set -o pipefail; from=$1 to=$2; shift 2; tar -C "$from" "$@" -cf - . | tar -C "$to" --no-same-owner -xpf -'

/**
 * Returns whether make can build in a directory: the kernel's Makefile refuses spaces and colons in the paths of source and objects.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isPlainPath = (path: string): boolean => !/[\s:]/.test(path)

const failure = (what: string) => (cause: { readonly message: string }) =>
  new KernelError({ reason: "Build", message: `${what}: ${cause.message}`, cause })

const unpack = Effect.fn("SourceView.unpack")(function* (source: KernelSourcePath, into: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* checkTarball(source.path)
  yield* runTool(`unpacking ${source.path}`, "tar", ["-x", "--no-same-owner", "-C", into, "-f", source.path])
  const names = yield* Effect.mapError(fs.readDirectory(into), failure(into))
  const trees = yield* Effect.filter(names, (name) =>
    Effect.orElseSucceed(fs.exists(path.join(into, name, "Kbuild")), () => false)
  )
  const only = trees[0]
  if (only !== undefined && trees.length === 1) return path.join(into, only)
  return yield* new KernelError({
    reason: "Named",
    message: `${source.path} is no kernel source: it has ${trees.length} directories with a Kbuild, wanted is one`
  })
})

/** Copies keep the files' times, so that make compiles only what changed since the last build of the same tree. */
const copy = Effect.fn("SourceView.copy")(function* (source: KernelSourcePath, into: string) {
  yield* runTool(`copying ${source.path}`, "bash", ["-c", copyScript, "copy", source.path, into, ...left])
  yield* runTool(`make mrproper of a copy of ${source.path}`, "make", ["-C", into, "mrproper"])
  return into
})

/**
 * Returns the path of a tree to build from without writing to the source: that of the source itself if make accepts it, else one in
 * `scratch`, which has no spaces in its path. Fails with `Named` for a tarball that holds no kernel.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openSource: (
  source: KernelSourcePath,
  scratch: string
) => Effect.Effect<string, KernelError, FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor> =
  Effect.fn("SourceView.open")(function* (source: KernelSourcePath, scratch: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const built = yield* Effect.exists(traces, (trace) =>
      Effect.orElseSucceed(fs.exists(path.join(source.path, trace)), () => false)
    )
    if (source.kind === "tree" && !built && isPlainPath(source.path)) return source.path
    const into = path.join(scratch, "source")
    yield* fs
      .remove(into, { recursive: true, force: true })
      .pipe(Effect.zipRight(fs.makeDirectory(into, { recursive: true })), Effect.mapError(failure(into)))
    return source.kind === "tarball" ? yield* unpack(source, into) : yield* copy(source, into)
  })
