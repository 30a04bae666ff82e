/**
 * Composes the default services, for the command and for tests alike.
 *
 * @since 0.1.0
 */

import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { KernelResolver } from "@ktstr/core"
import { resolveCacheDirs } from "@ktstr/core/cache"
import { type Checker, layerChecker } from "@ktstr/core/check"
import type { PayloadCodecs } from "@ktstr/core/image"
import { type KernelCache, layerKernelResolver, type ResolvedKernel } from "@ktstr/core/kernel"
import type {
  AgentBinary,
  BackendOptions,
  HostMachine,
  KvmProbe,
  UnknownBackend,
  Vmm,
  VmmError
} from "@ktstr/core/machine"
import { layerCurrentFragment } from "@ktstr/kernel-sources"
import { layerAgentBinary, layerHostMachine, layerKvmProbe } from "@ktstr/native"
import { Effect, Layer, Option } from "effect"
import { layerBackend } from "./Backend.ts"
import type { Platform } from "./Platform.ts"
import { layerLocalKernels, layerRegistries, type RegistryError } from "./Registries.ts"
import { loadPlugins, type Plugin, type Registries } from "./UserConfig.ts"

/** The sources, and what `--kernel` and the environment mean. */
const layerResolver = layerKernelResolver.pipe(
  Layer.provide(layerCurrentFragment),
  Layer.provideMerge(layerLocalKernels)
)

/**
 * The registries, the kernel cache, where kernels come from, and what `--kernel` and the environment mean.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKernels = (
  plugins: ReadonlyArray<Plugin>
): Layer.Layer<Platform | KernelCache | KernelResolver | PayloadCodecs | Registries, RegistryError> =>
  Layer.provideMerge(layerResolver, layerRegistries(plugins))

/**
 * Returns the kernels of several `--kernel` values, all of them fetched. Rejects with one line for each kernel that can't be resolved. The plugins are those of the
 * configuration in `directory`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolveKernels = (
  names: ReadonlyArray<string>,
  directory: string
): Promise<ReadonlyArray<ResolvedKernel>> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const layer = layerKernels(yield* loadPlugins(directory))
      return yield* Effect.provide(
        Effect.flatMap(KernelResolver, (resolver) => resolver.resolveAll(names)),
        layer
      )
    })
  )

/**
 * @since 0.1.0
 * @category models
 */
export interface HarnessOptions extends BackendOptions {
  /** Name of a registered backend. Default `auto`. */
  readonly backend?: string | undefined
  readonly plugins?: ReadonlyArray<Plugin> | undefined
}

/** Provides the probe that set-up built. Its verdict is cached beside the kernels; without a cache directory it runs each time. */
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
  | Registries
  | KernelCache
  | KernelResolver
  | PayloadCodecs
  | KvmProbe
  | Vmm
  | AgentBinary
  | HostMachine
  | Checker

/**
 * Provides everything a run needs.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHarness = (
  options: HarnessOptions = {}
): Layer.Layer<HarnessServices, RegistryError | UnknownBackend | VmmError> =>
  Layer.mergeAll(
    layerBackend(options.backend, options),
    Layer.provideMerge(layerHostMachine, layerAgentBinary),
    layerChecker
  ).pipe(Layer.provideMerge(layerProbe), Layer.provideMerge(layerKernels(options.plugins ?? [])))
