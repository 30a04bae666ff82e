/**
 * A place kernels come from. Sources are plugins; they put what they get into the {@link KernelCache}.
 *
 * @since 0.1.0
 */
import { Context, Effect } from "effect"
import type { KernelError } from "./Error.ts"
import type { KernelEntry } from "./entry.ts"
import type { ResolvedKernel } from "./Resolver.ts"

/**
 * How far a fetch has come. `done` and `total` are bytes in `download` and `unpack`, files in `compile`; `total` is undefined when unknown.
 *
 * @since 0.1.0
 * @category models
 */
export interface FetchProgress {
  readonly stage: "waiting" | "index" | "download" | "verify" | "extract" | "unpack" | "configure" | "compile" | "store"
  /** What is worked on, e.g. the suite or the package. */
  readonly detail: string
  readonly done: number
  readonly total: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface FetchOptions {
  /** What the user asked for in the source's own form, e.g. `distro:trixie-backports/linux-binary-7.*`; undefined: its default. */
  readonly spec: string | undefined
  /** Look for something newer even when the cache has a kernel that fits. Default false. */
  readonly refresh?: boolean | undefined
  readonly onProgress?: ((progress: FetchProgress) => Effect.Effect<void>) | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface KernelSource {
  /** e.g. `distro`. */
  readonly name: string
  /** Whether `--kernel VALUE` is this source's to answer. */
  readonly accepts: (spec: string) => boolean
  /** Gives the cached entry when one fits, else brings the kernel into the cache. */
  readonly fetch: (options: FetchOptions) => Effect.Effect<KernelEntry, KernelError>
  /** What `--kernel VALUE` is, of a source whose kernels need not be in the cache; default: what `fetch` gives. */
  readonly open?: ((options: FetchOptions) => Effect.Effect<ResolvedKernel, KernelError>) | undefined
  /** The specs of the kernels that one accepted spec means, such as a range; default: that spec. */
  readonly expand?: ((spec: string) => Effect.Effect<ReadonlyArray<string>, KernelError>) | undefined
}

/**
 * The sources that were provided, first match wins. None by default.
 *
 * @since 0.1.0
 * @category services
 */
export class KernelSources extends Context.Reference<KernelSources>()("@ktstr/core/KernelSources", {
  defaultValue: (): ReadonlyArray<KernelSource> => []
}) {}

/**
 * Who hears how far the sources have come for the resolver. Nobody by default.
 *
 * @since 0.1.0
 * @category services
 */
export class KernelProgress extends Context.Reference<KernelProgress>()("@ktstr/core/KernelProgress", {
  defaultValue: (): ((progress: FetchProgress) => Effect.Effect<void>) => () => Effect.void
}) {}

/**
 * Hash of the configuration fragment that this ktstr builds kernels with, as `metadata.json` has it; undefined where nothing builds kernels.
 *
 * @since 0.1.0
 * @category services
 */
export class CurrentFragment extends Context.Reference<CurrentFragment>()("@ktstr/core/CurrentFragment", {
  defaultValue: (): string | undefined => undefined
}) {}
