/**
 * The registry of schedulers that run by name.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer, Option } from "effect"
import { checkRegistration, type Registrable, type RegistrationError, registerEach } from "../base/index.ts"
import { DuplicateName } from "../work/index.ts"
import type { Scheduler } from "./Scheduler.ts"

/**
 * The registered schedulers.
 *
 * @since 0.1.0
 * @category services
 */
export class Schedulers extends Context.Tag("@ktstr/core/Schedulers")<
  Schedulers,
  {
    readonly register: (scheduler: Scheduler) => Effect.Effect<void, DuplicateName | RegistrationError>
    readonly get: (name: string) => Effect.Effect<Option.Option<Scheduler>>
    /** All schedulers, in order of registration. */
    readonly list: Effect.Effect<ReadonlyArray<Scheduler>>
  }
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
 * Makes an empty registry of schedulers.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeSchedulers: Effect.Effect<Context.Tag.Service<Schedulers>> = Effect.sync(() => {
  const known = new Map<string, Scheduler>()
  return {
    register: Effect.fn("Schedulers.register")(function* (scheduler: Scheduler) {
      yield* checkRegistration(scheduler, registrable)
      const { name } = scheduler
      if (known.has(name)) {
        const message = `scheduler '${name}': there is one of that name already; choose another`
        return yield* new DuplicateName({ name, message })
      }
      known.set(name, scheduler)
    }),
    get: (name) => Effect.sync(() => Option.fromNullable(known.get(name))),
    list: Effect.sync(() => [...known.values()])
  }
})

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
): Layer.Layer<never, DuplicateName | RegistrationError, Schedulers> =>
  Layer.effectDiscard(
    Effect.flatMap(Schedulers, (registry) => registerEach(schedulers, registrable, registry.register))
  )
