/**
 * Kernel trees and source tarballs as values of `--kernel`: built, and cached if they can't change.
 *
 * @since 0.1.0
 */

import { PayloadCodecs } from "@ktstr/core/image"
import {
  describeImage,
  type FetchOptions,
  KernelCache,
  KernelError,
  type KernelSource,
  resolvedEntry
} from "@ktstr/core/kernel"
import { Effect } from "effect"
import { type BuiltKernel, buildKernel } from "../build/index.ts"
import type { SourceServices } from "./SourceLayer.ts"

const prefix = "path:"

const build = Effect.fn("PathSource.build")(function* ({ spec = "", refresh, onProgress }: FetchOptions) {
  return yield* buildKernel({ source: spec.slice(prefix.length), origin: "kernel", refresh, onProgress })
})

/** An entry may have been built from another tree at the same commit; the label is that of the named tree. */
const resolved = Effect.fn("PathSource.resolved")(function* (built: BuiltKernel) {
  const { directories } = yield* KernelCache
  if (built._tag === "Cached") {
    const kernel = resolvedEntry(built.entry, "--kernel")
    return { ...kernel, label: built.source.label }
  }
  const kernel = yield* describeImage(built.image, "--kernel", directories)
  return { ...kernel, version: built.version, label: built.source.label }
})

/**
 * Trees and tarballs on this machine, `path:PATH`. A tree that is not under git or was changed is built each time and not cached.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makePathSource: Effect.Effect<KernelSource, never, SourceServices> = Effect.gen(function* () {
  const context = yield* Effect.context<SourceServices>()
  const codecs = yield* PayloadCodecs
  const source: KernelSource = {
    name: "path",
    description: "a kernel tree or source tarball on this machine, built here: path:TREE or path:TARBALL",
    accepts: (spec) => spec.startsWith(prefix),
    fetch: (options) =>
      Effect.gen(function* () {
        const built = yield* build(options)
        if (built._tag === "Cached") return built.entry
        return yield* new KernelError({
          reason: "Named",
          message: `the kernel of ${built.source.path} can't be cached, as the tree is not under git or was changed: name it with --kernel, or commit its changes`
        })
      }).pipe(Effect.provide(context)),
    open: (options) =>
      Effect.flatMap(build(options), resolved).pipe(
        Effect.provide(context),
        Effect.provideService(PayloadCodecs, codecs)
      )
  }
  return source
})
