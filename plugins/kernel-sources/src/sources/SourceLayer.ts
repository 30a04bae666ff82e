/**
 * How kernel sources come to be among those that are asked.
 *
 * @since 0.1.0
 */
import type { CommandExecutor, FileSystem, Path } from "@effect/platform"
import { type KernelCache, type KernelSource, KernelSources } from "@ktstr/core/kernel"
import { Effect, Layer } from "effect"

/**
 * What the sources of this package need.
 *
 * @since 0.1.0
 * @category models
 */
export type SourceServices = KernelCache | FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor

/**
 * Adds a source to the kernel sources provided so far, to be asked after them.
 *
 * @since 0.1.0
 * @category layers
 */
export const addSource = (
  source: Effect.Effect<KernelSource, never, SourceServices>
): Layer.Layer<KernelSources, never, SourceServices> =>
  Layer.effect(
    KernelSources,
    Effect.zipWith(KernelSources, source, (sources, added) => [...sources, added])
  )
