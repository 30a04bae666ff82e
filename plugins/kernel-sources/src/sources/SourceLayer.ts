/**
 * Registers kernel sources.
 *
 * @since 0.1.0
 */
import type { CommandExecutor, FileSystem, Path } from "@effect/platform"
import type { RegisterError } from "@ktstr/core/base"
import { type KernelCache, type KernelSource, KernelSources, type RemoteCaches } from "@ktstr/core/kernel"
import { Effect, Layer } from "effect"

/**
 * What the sources of this package need.
 *
 * @since 0.1.0
 * @category models
 */
export type SourceServices =
  | KernelCache
  | RemoteCaches
  | FileSystem.FileSystem
  | Path.Path
  | CommandExecutor.CommandExecutor

/**
 * Makes and registers sources, which are asked in this order.
 *
 * @since 0.2.0
 * @category layers
 */
export const registeringSources = (
  sources: ReadonlyArray<Effect.Effect<KernelSource, never, SourceServices>>
): Layer.Layer<never, RegisterError, KernelSources | SourceServices> =>
  Layer.effectDiscard(
    Effect.flatMap(KernelSources, ({ register }) =>
      Effect.forEach(sources, (source) => Effect.flatMap(source, register), { discard: true })
    )
  )
