/**
 * The registry of schedulers that run by name.
 *
 * @since 0.1.0
 */
import { Context, Data, type Effect, Layer } from "effect"
import { makeRegistry, type RegisterError, type Registrable, type Registry, registering } from "../base/index.ts"
import type { Scheduler } from "./Scheduler.ts"

/**
 * No scheduler has that name.
 *
 * @since 0.2.0
 * @category errors
 */
export class UnknownScheduler extends Data.TaggedError("UnknownScheduler")<{
  readonly name: string
  readonly message: string
}> {}

/**
 * The schedulers that are known by name.
 *
 * @since 0.1.0
 * @category services
 */
export class Schedulers extends Context.Tag("@ktstr/core/Schedulers")<
  Schedulers,
  Registry<Scheduler, UnknownScheduler>
>() {}

const registrable: Registrable = {
  kind: "scheduler",
  maker: "Scheduler.make",
  fields: {
    name: "name",
    binary: "object",
    flags: "list",
    schedArgs: "list",
    sysctls: "object",
    kargs: "list",
    assert: "object",
    constraints: "object",
    startTimeoutMs: "number"
  }
}

/**
 * An empty registry.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeSchedulers: Effect.Effect<Context.Tag.Service<Schedulers>> = makeRegistry<Scheduler, UnknownScheduler>(
  {
    what: registrable,
    unknown: (name, hint) => new UnknownScheduler({ name, message: `unknown scheduler '${name}'${hint}` })
  }
)

/**
 * Provides an empty registry, which plugins' layers fill.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerSchedulers: Layer.Layer<Schedulers> = Layer.effect(Schedulers, makeSchedulers)

/**
 * Returns a layer that registers schedulers, in order: a plugin for `ktstr.config.ts`.
 *
 * @since 0.1.0
 * @category layers
 */
export const registerSchedulers = (
  schedulers: ReadonlyArray<Scheduler>
): Layer.Layer<never, RegisterError, Schedulers> => registering(Schedulers, registrable, schedulers)
