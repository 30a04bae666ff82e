/**
 * Backends: what boots virtual machines, by the name in `--vmm`.
 *
 * @since 0.2.0
 */
import { Context, type Effect, Layer, type Scope } from "effect"
import { makeRegistry, type RegisterError, type Registrable, type Registry, registering } from "../base/index.ts"
import type { KvmProbe } from "./KvmProbe.ts"
import { UnknownBackend } from "./UnknownBackend.ts"
import type { Vmm, VmmError } from "./Vmm.ts"

/**
 * How a backend is used.
 *
 * @since 0.2.0
 * @category models
 */
export interface BackendOptions {
  /** Deterministic machines that differ only in their plan share a boot. Worth it for more than one run. Default false. */
  readonly fork?: boolean | undefined
}

/**
 * A backend.
 *
 * @since 0.2.0
 * @category models
 */
export interface Backend {
  /** Its name in `--vmm`. */
  readonly name: string
  /** One line for listings. */
  readonly description: string
  /** Whether it offers a deterministic clock, which counts the guest's instructions. Default false. */
  readonly countsInstructions?: boolean | undefined
  /** Opens the backend for a session, which ends with the scope. Must be quick: work that only machines need belongs into `boot`. */
  readonly make: (options: BackendOptions) => Effect.Effect<Vmm["Type"], VmmError, KvmProbe | Scope.Scope>
}

/**
 * The registered backends.
 *
 * @since 0.2.0
 * @category services
 */
export class Backends extends Context.Tag("@ktstr/core/Backends")<Backends, Registry<Backend, UnknownBackend>>() {}

const registrable: Registrable = {
  kind: "backend",
  maker: "Backend.plugin({ name, description, make })",
  fields: { name: "name", description: "string", make: "function" }
}

/**
 * Provides an empty registry, in which plugins register.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerBackends: Layer.Layer<Backends> = Layer.effect(
  Backends,
  makeRegistry<Backend, UnknownBackend>({
    what: registrable,
    unknown: (name, hint) => new UnknownBackend({ name, message: `unknown backend '${name}'${hint}` })
  })
)

/**
 * Functions for plugins that add a backend.
 *
 * @since 0.2.0
 * @category constructors
 */
export const Backend: {
  /** Registers a backend. */
  readonly plugin: (backend: Backend) => Layer.Layer<never, RegisterError, Backends>
} = {
  plugin: (backend) => registering(Backends, registrable, [backend])
}
