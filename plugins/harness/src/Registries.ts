/**
 * The registries, filled with what is built in and what plugins add.
 *
 * @since 0.2.0
 */
import type { RegisterError } from "@ktstr/core/base"
import type { PayloadCodecs } from "@ktstr/core/image"
import { type KernelCache, layerKernelCache, layerKernelSources, layerRemoteCaches } from "@ktstr/core/kernel"
import { layerBackends } from "@ktstr/core/machine"
import { layerOutputFormats } from "@ktstr/core/payload"
import { layerReporters } from "@ktstr/core/report"
import { layerScenarios } from "@ktstr/core/scenario"
import { layerSchedulers } from "@ktstr/core/scheduler"
import { layerWorkTypes } from "@ktstr/core/work"
import {
  layerBuiltinKernelSources,
  layerBuiltinRemoteCaches,
  layerCurrentFragment,
  layerKernelCodecs
} from "@ktstr/kernel-sources"
import { layerBuiltinOutputFormats } from "@ktstr/output-formats"
import { layerBuiltinReporters } from "@ktstr/reporters"
import { layerCatalog } from "@ktstr/scenarios"
import { layerBuiltinSchedulers } from "@ktstr/schedulers"
import { layerBuiltinWorkTypes } from "@ktstr/work-types"
import { Layer } from "effect"
import { layerBuiltinBackends } from "./Backend.ts"
import { layerPlatform, type Platform } from "./Platform.ts"
import { type ConfigFileError, contained, type Plugin, type Registries } from "./UserConfig.ts"

/**
 * The registries can't be built: two plugins share a name, or a plugin fails.
 *
 * @since 0.2.0
 * @category errors
 */
export type RegistryError = ConfigFileError | RegisterError

/**
 * The kernel cache, with the codecs that it reads kernels by. For commands that look only at kernels of this machine.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerLocalKernels: Layer.Layer<Platform | KernelCache | PayloadCodecs> = layerKernelCache.pipe(
  Layer.provideMerge(layerKernelCodecs),
  Layer.provideMerge(layerPlatform)
)

/**
 * Provides the registries with the built-in entries and those of the user's plugins.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerRegistries = (plugins: ReadonlyArray<Plugin>): Layer.Layer<Registries, RegistryError> =>
  Layer.mergeAll(Layer.empty, ...plugins.map((plugin, index) => contained(plugin, index))).pipe(
    // What is built in comes first, so that a plugin's name never takes the place of one of ours.
    Layer.provideMerge(
      Layer.mergeAll(
        layerBuiltinWorkTypes,
        layerBuiltinOutputFormats,
        layerCatalog,
        layerBuiltinSchedulers,
        layerBuiltinReporters,
        layerBuiltinKernelSources,
        layerBuiltinRemoteCaches,
        layerBuiltinBackends
      )
    ),
    Layer.provideMerge(
      Layer.mergeAll(
        layerWorkTypes,
        layerOutputFormats,
        layerScenarios,
        layerSchedulers,
        layerReporters,
        layerKernelSources,
        layerRemoteCaches,
        layerBackends
      )
    ),
    Layer.provide(layerCurrentFragment),
    Layer.provide(layerLocalKernels)
  )
