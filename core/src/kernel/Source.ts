/**
 * Sources of kernels. Sources are plugins; they store what they fetch in the {@link KernelCache}.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer } from "effect"
import { makeRegistry, type RegisterError, type Registrable, type Registry, registering } from "../base/index.ts"
import { KernelError } from "./Error.ts"
import type { KernelEntry } from "./entry.ts"
import type { ResolvedKernel } from "./Resolver.ts"

/**
 * Progress of a fetch. `done` and `total` are bytes in `download` and `unpack`, and files in `compile`; `total` is undefined if unknown.
 *
 * @since 0.1.0
 * @category models
 */
export interface FetchProgress {
  readonly stage: "waiting" | "index" | "download" | "verify" | "extract" | "unpack" | "configure" | "compile" | "store"
  /** The current item, e.g. the suite or the package. */
  readonly detail: string
  readonly done: number
  readonly total: number | undefined
}

/**
 * What to fetch.
 *
 * @since 0.1.0
 * @category models
 */
export interface FetchOptions {
  /** What the user asked for, in the source's own syntax, e.g. `distro:trixie-backports/linux-binary-7.*`; undefined: the source's default. */
  readonly spec: string | undefined
  /** Look for a newer kernel even if a cached one matches. Default false. */
  readonly refresh?: boolean | undefined
  readonly onProgress?: ((progress: FetchProgress) => Effect.Effect<void>) | undefined
}

/**
 * A source of kernels.
 *
 * @since 0.1.0
 * @category models
 */
export interface KernelSource {
  /** Name of the source, e.g. `distro`. */
  readonly name: string
  /** One line for listings: what it offers, and the syntax of its specs. */
  readonly description?: string | undefined
  /** Returns whether this source handles `--kernel VALUE`. */
  readonly accepts: (spec: string) => boolean
  /** Returns a matching cache entry, or else fetches the kernel into the cache. */
  readonly fetch: (options: FetchOptions) => Effect.Effect<KernelEntry, KernelError>
  /** Resolves `--kernel VALUE`, for a source whose kernels need not be in the cache. Default: the result of `fetch`. */
  readonly open?: ((options: FetchOptions) => Effect.Effect<ResolvedKernel, KernelError>) | undefined
  /** Expands a spec that means several kernels, such as a range, to their specs. Default: the spec itself. */
  readonly expand?: ((spec: string) => Effect.Effect<ReadonlyArray<string>, KernelError>) | undefined
}

/**
 * The registered sources; the first that accepts a spec handles it.
 *
 * @since 0.1.0
 * @category services
 */
export class KernelSources extends Context.Tag("@ktstr/core/KernelSources")<
  KernelSources,
  Registry<KernelSource, KernelError>
>() {}

const registrable: Registrable = {
  kind: "kernel source",
  maker: "KernelSource.plugin({ name, accepts, fetch })",
  fields: {
    name: "name",
    description: "string?",
    accepts: "function",
    fetch: "function",
    open: "function?",
    expand: "function?"
  }
}

/**
 * Provides an empty registry, in which plugins register.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerKernelSources: Layer.Layer<KernelSources> = Layer.effect(
  KernelSources,
  makeRegistry<KernelSource, KernelError>({
    what: registrable,
    unknown: (name, hint) => new KernelError({ reason: "Named", message: `unknown kernel source '${name}'${hint}` })
  })
)

/**
 * Functions for plugins that add a kernel source.
 *
 * @since 0.2.0
 * @category constructors
 */
export const KernelSource: {
  /** Registers a source. It is asked after all sources that were registered earlier. */
  readonly plugin: (source: KernelSource) => Layer.Layer<never, RegisterError, KernelSources>
} = {
  plugin: (source) => registering(KernelSources, registrable, [source])
}

/**
 * Receives the progress of the sources that the resolver uses. Ignores it by default.
 *
 * @since 0.1.0
 * @category services
 */
export class KernelProgress extends Context.Reference<KernelProgress>()("@ktstr/core/KernelProgress", {
  defaultValue: (): ((progress: FetchProgress) => Effect.Effect<void>) => () => Effect.void
}) {}

/**
 * Hash of the configuration fragment with which this ktstr builds kernels, as in `metadata.json`; undefined if nothing builds kernels.
 *
 * @since 0.1.0
 * @category services
 */
export class CurrentFragment extends Context.Reference<CurrentFragment>()("@ktstr/core/CurrentFragment", {
  defaultValue: (): string | undefined => undefined
}) {}
