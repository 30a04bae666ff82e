/**
 * Where the objects of a kernel build are kept: those of a tree stay, so that the next build is short; all others are removed.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import { currentProcess, ownerState, ownTemporaryPrefix, parseTemporaryName } from "@ktstr/core/host"
import { KernelError, objectsPrefix } from "@ktstr/core/kernel"
import { Effect, Option, type Scope } from "effect"
import type { KernelSourcePath } from "./SourceTree.ts"
import { isPlainPath } from "./SourceView.ts"

/** Trees whose objects stay; a tiny kernel's are a gigabyte. */
const keptTrees = 3

/**
 * @since 0.1.0
 * @category models
 */
export interface ObjectDirectory {
  /** Absolute, without spaces and colons. */
  readonly scratch: string
  /** Whether what is in `scratch` outlives the scope. */
  readonly kept: boolean
  /** Copies an image to a place that later builds don't touch until they are done, and returns its path. */
  readonly keep: (image: string) => Effect.Effect<string, KernelError>
}

const failure = (what: string) => (cause: { readonly message: string }) =>
  new KernelError({ reason: "Build", message: `${what}: ${cause.message}`, cause })

/**
 * Removes directories of builds that died. Another boot ID may belong to another machine that shares the cache. A directory without an owner in its
 * name comes from an older ktstr.
 */
const removeAbandoned = Effect.fn("ObjectDirectory.removeAbandoned")(function* (kernels: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const self = Option.getOrUndefined(yield* currentProcess)
  const builds = (yield* fs.readDirectory(kernels)).filter((name) => name.startsWith(".build-"))
  yield* Effect.forEach(builds, (name) =>
    Effect.gen(function* () {
      const owner = parseTemporaryName(name)
      const state = owner === undefined || self === undefined ? "dead" : yield* ownerState(owner, self)
      if (state === "dead") yield* fs.remove(path.join(kernels, name), { recursive: true })
    }).pipe(Effect.ignore)
  )
})

/** Removes the objects of the trees that were built longest ago. */
const removeOld = Effect.fn("ObjectDirectory.removeOld")(function* (kernels: string, own: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const others = (yield* fs.readDirectory(kernels)).filter((name) => name.startsWith(objectsPrefix) && name !== own)
  const aged = yield* Effect.forEach(others, (name) =>
    Effect.map(fs.stat(path.join(kernels, name)), ({ mtime }) => ({
      name,
      time: Option.match(mtime, { onNone: () => 0, onSome: (at) => at.getTime() })
    }))
  )
  const old = aged.sort((a, b) => b.time - a.time).slice(keptTrees - 1)
  yield* Effect.forEach(old, ({ name }) => Effect.ignore(fs.remove(path.join(kernels, name), { recursive: true })))
})

/**
 * Makes the directory for the objects of one build, next to the kernels. If make would refuse that path, the directory is made in the directory for
 * temporary files; that of a `transient` tree is removed with it. Call it only while no other build runs in the same cache.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openObjects: (
  source: KernelSourcePath,
  kernels: string,
  transient: boolean
) => Effect.Effect<ObjectDirectory, KernelError, FileSystem.FileSystem | Path.Path | Scope.Scope> = Effect.fn(
  "ObjectDirectory.open"
)(function* (source: KernelSourcePath, kernels: string, transient: boolean) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const root = yield* Effect.mapError(fs.realPath(kernels), failure(kernels))
  yield* Effect.ignore(removeAbandoned(root))
  const name = `${objectsPrefix}${source.place}`
  const ofTree = path.join(root, name)
  const keep = (image: string) => {
    const kept = path.join(ofTree, "bzImage")
    return fs.makeDirectory(ofTree, { recursive: true }).pipe(
      Effect.zipRight(fs.copyFile(image, `${kept}.new`)),
      Effect.zipRight(fs.rename(`${kept}.new`, kept)),
      Effect.as(kept),
      Effect.mapError(
        (cause) => new KernelError({ reason: "Cache", message: `cannot write ${kept}: ${cause.message}`, cause })
      )
    )
  }
  if (!isPlainPath(root)) {
    const scratch = yield* Effect.mapError(
      fs.makeTempDirectoryScoped({ prefix: yield* ownTemporaryPrefix() }),
      failure(root)
    )
    if (isPlainPath(scratch)) return { scratch, kept: false, keep }
    return yield* new KernelError({
      reason: "Cache",
      message: `the kernel's Makefile refuses paths with spaces and colons, and both ${kernels} and ${scratch} have one: set KTSTR_CACHE_DIR or TMPDIR to one without`
    })
  }
  if (source.kind === "tree" && !transient) {
    yield* Effect.ignore(removeOld(root, name))
    const now = new Date()
    yield* fs
      .makeDirectory(ofTree, { recursive: true })
      .pipe(Effect.zipRight(fs.utimes(ofTree, now, now)), Effect.mapError(failure(ofTree)))
    return { scratch: ofTree, kept: true, keep }
  }
  const prefix = yield* ownTemporaryPrefix(".build")
  const scratch = yield* Effect.mapError(fs.makeTempDirectoryScoped({ directory: root, prefix }), failure(root))
  return { scratch, kept: false, keep }
})
