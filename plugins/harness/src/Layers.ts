/**
 * The services as they are composed by default, for the command and for tests alike.
 *
 * @since 0.1.0
 */

import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import type { CommandExecutor, FileSystem, Path } from "@effect/platform"
import * as NodeCommandExecutor from "@effect/platform-node/NodeCommandExecutor"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { KernelResolver, type Scenarios } from "@ktstr/core"
import type { RegisterError } from "@ktstr/core/base"
import { resolveCacheDirs } from "@ktstr/core/cache"
import { type Checker, layerChecker } from "@ktstr/core/check"
import type { PayloadCodecs } from "@ktstr/core/image"
import {
  type KernelCache,
  type KernelSources,
  layerKernelCache,
  layerKernelResolver,
  type RemoteCaches,
  type ResolvedKernel
} from "@ktstr/core/kernel"
import type { AgentBinary, HostMachine, KvmProbe, Vmm } from "@ktstr/core/machine"
import { layerOutputFormats, type OutputFormats } from "@ktstr/core/payload"
import { layerReporters, type Reporters } from "@ktstr/core/report"
import { layerScenarios } from "@ktstr/core/scenario"
import { layerSchedulers, type Schedulers } from "@ktstr/core/scheduler"
import { layerWorkTypes, type WorkTypes } from "@ktstr/core/work"
import {
  layerCurrentFragment,
  layerDistroPackages,
  layerGitSource,
  layerKernelCodecs,
  layerKernelOrg,
  layerPathSource,
  layerRemoteCaches
} from "@ktstr/kernel-sources"
import { layerAgentBinary, layerHostMachine, layerKvmProbe } from "@ktstr/native"
import { layerBuiltinOutputFormats } from "@ktstr/output-formats"
import { layerBuiltinReporters } from "@ktstr/reporters"
import { layerCatalog } from "@ktstr/scenarios"
import { layerBuiltinSchedulers } from "@ktstr/schedulers"
import { layerBuiltinWorkTypes } from "@ktstr/work-types"
import { Effect, Layer, Option } from "effect"
import { type BackendName, type BackendOptions, layerBackend } from "./Backend.ts"
import { type ConfigFileError, contained, type Plugin } from "./UserConfig.ts"

/**
 * What the machine and its files are reached by.
 *
 * @since 0.1.0
 * @category models
 */
export type Platform = FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor

const layerFiles = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer)

/**
 * @since 0.1.0
 * @category layers
 */
export const layerPlatform: Layer.Layer<Platform> = Layer.provideMerge(NodeCommandExecutor.layer, layerFiles)

/**
 * The kernel cache, where kernels come from, and what `--kernel` and the environment mean.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKernels: Layer.Layer<
  Platform | KernelCache | KernelSources | KernelResolver | PayloadCodecs | RemoteCaches
> = layerKernelResolver.pipe(
  // The first source is the one that answers when nothing is named.
  Layer.provideMerge(
    layerPathSource.pipe(
      Layer.provideMerge(layerGitSource),
      Layer.provideMerge(layerKernelOrg),
      Layer.provideMerge(layerDistroPackages)
    )
  ),
  Layer.provideMerge(layerRemoteCaches),
  Layer.provide(layerCurrentFragment),
  Layer.provideMerge(layerKernelCache),
  Layer.provideMerge(layerKernelCodecs),
  Layer.provideMerge(layerPlatform)
)

/**
 * The kernels of several `--kernel` values, all of them there; rejects with a line for each that can't be had.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolveKernels = (names: ReadonlyArray<string>): Promise<ReadonlyArray<ResolvedKernel>> =>
  Effect.runPromise(
    Effect.flatMap(KernelResolver, (resolver) => resolver.resolveAll(names)).pipe(Effect.provide(layerKernels))
  )

/**
 * Why there are no registries: a name that two have, or a plugin that fails.
 *
 * @since 0.2.0
 * @category errors
 */
export type RegistryError = ConfigFileError | RegisterError

/**
 * The registries with what is built in and what the user's plugins add.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerRegistries = (
  plugins: ReadonlyArray<Plugin>
): Layer.Layer<WorkTypes | OutputFormats | Scenarios | Schedulers | Reporters, RegistryError> =>
  Layer.mergeAll(
    layerBuiltinWorkTypes,
    layerBuiltinOutputFormats,
    layerCatalog,
    layerBuiltinSchedulers,
    layerBuiltinReporters,
    ...plugins.map((plugin, index) => contained(plugin, index))
  ).pipe(
    Layer.provideMerge(
      Layer.mergeAll(layerWorkTypes, layerOutputFormats, layerScenarios, layerSchedulers, layerReporters)
    )
  )

/**
 * @since 0.1.0
 * @category models
 */
export interface HarnessOptions extends BackendOptions {
  /** Default `auto`. */
  readonly backend?: BackendName | undefined
  readonly plugins?: ReadonlyArray<Plugin> | undefined
}

/** The probe that set-up built, with its verdict kept beside the kernels; without a cache directory it looks each time. */
const layerProbe: Layer.Layer<KvmProbe, never, Platform> = Layer.unwrapEffect(
  Effect.map(Effect.option(resolveCacheDirs), (directories) => {
    const native = dirname(createRequire(import.meta.url).resolve("@ktstr/native/package.json"))
    return layerKvmProbe({
      program: join(native, "probe/build/kvm-probe"),
      cacheDir: Option.match(directories, { onNone: () => undefined, onSome: ({ initramfs }) => dirname(initramfs) })
    })
  })
)

/**
 * What a run needs.
 *
 * @since 0.1.0
 * @category models
 */
export type HarnessServices =
  | Platform
  | KernelCache
  | KernelSources
  | KernelResolver
  | PayloadCodecs
  | KvmProbe
  | Vmm
  | WorkTypes
  | OutputFormats
  | Scenarios
  | Schedulers
  | Reporters
  | AgentBinary
  | HostMachine
  | Checker

/**
 * Everything a run needs.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHarness = (options: HarnessOptions = {}): Layer.Layer<HarnessServices, RegistryError> =>
  Layer.mergeAll(
    layerBackend(options.backend, options),
    layerRegistries(options.plugins ?? []),
    Layer.provideMerge(layerHostMachine, layerAgentBinary),
    layerChecker
  ).pipe(Layer.provideMerge(layerProbe), Layer.provideMerge(layerKernels))
