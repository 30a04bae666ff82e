/**
 * One registry for everything that plugins add: work types, scenarios, schedulers, output formats, reporters.
 *
 * @since 0.2.0
 */
import { type Context, Data, Effect, Layer, Option } from "effect"
import { checkRegistration, type Registrable, type RegistrationError, registerEach } from "./Registration.ts"
import { didYouMean, suggestion } from "./Suggest.ts"

/**
 * A name or alias that is registered already.
 *
 * @since 0.1.0
 * @category errors
 */
export class DuplicateName extends Data.TaggedError("DuplicateName")<{
  readonly name: string
  readonly message: string
}> {}

/**
 * Why a value was not registered.
 *
 * @since 0.2.0
 * @category errors
 */
export type RegisterError = DuplicateName | RegistrationError

/**
 * What can be registered.
 *
 * @since 0.2.0
 * @category models
 */
export interface Named {
  readonly name: string
  /** Other names by which it is found. */
  readonly aliases?: ReadonlyArray<string>
}

/**
 * Values by name, as written. `E`: the error of a name that nobody registered.
 *
 * @since 0.2.0
 * @category models
 */
export interface Registry<A extends Named, E> {
  /** Takes the value if it has the shape of its kind and its names are free. */
  readonly register: (value: A) => Effect.Effect<void, RegisterError>
  /** The value of that name or alias; the error of an unknown name suggests the nearest. */
  readonly get: (name: string) => Effect.Effect<A, E>
  /** The value of that name or alias, for callers to whom an unknown name is no error. */
  readonly find: (name: string) => Effect.Effect<Option.Option<A>>
  /** All values in the order of registration. */
  readonly list: Effect.Effect<ReadonlyArray<A>>
}

/**
 * @since 0.2.0
 * @category models
 */
export interface RegistryOptions<A extends Named, E> {
  /** Its kind and shape. */
  readonly what: Registrable
  /** Makes the error of an unknown name; its message ends with the hint, which suggests the nearest or lists what there is. */
  readonly unknown: (name: string, hint: string) => E
  /** The values that every registry of this kind starts with. Default: none. */
  readonly builtin?: ReadonlyArray<A>
  /** Checks a value further and returns what the registry keeps. Default: the value. */
  readonly accept?: (value: A) => Effect.Effect<A, RegisterError>
}

/**
 * A registry of one kind.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeRegistry = <A extends Named, E>(options: RegistryOptions<A, E>): Effect.Effect<Registry<A, E>> =>
  Effect.sync(() => {
    const { accept = Effect.succeed<A>, builtin = [], unknown, what } = options
    const { kind } = what
    const byName = new Map<string, A>()
    const namesOf = ({ aliases, name }: A) => [name, ...(Array.isArray(aliases) ? aliases : [])]
    const add = (value: A): void => {
      for (const name of namesOf(value)) byName.set(name, value)
    }
    /** A value with aliases has several names, and counts once. */
    const all = (): ReadonlyArray<A> => [...new Set(byName.values())]
    const checkFree = (value: A): Effect.Effect<void, DuplicateName> => {
      const taken = namesOf(value).find((name) => byName.has(name))
      if (taken === undefined) return Effect.void
      const owner = byName.get(taken)!.name
      const why =
        owner === value.name
          ? "there is one of that name already"
          : `the name '${taken}' is taken by ${kind} '${owner}'`
      return new DuplicateName({ name: taken, message: `${kind} '${value.name}': ${why}; choose another` })
    }
    /** A name that is one letter off may be an alias; a list of all that there are has no aliases. */
    const hint = (name: string): string => {
      const near = didYouMean(name, byName.keys())
      if (near !== undefined) return `; did you mean '${near}'?`
      return suggestion(
        name,
        all().map((value) => value.name)
      )
    }
    for (const value of builtin) add(value)
    const find = (name: string) => Effect.sync(() => Option.fromNullable(byName.get(name)))
    return {
      register: Effect.fn("Registry.register")(function* (given: A) {
        yield* checkRegistration(given, what)
        yield* checkFree(given)
        add(yield* accept(given))
      }),
      get: Effect.fn("Registry.get")(function* (name: string) {
        const found = yield* find(name)
        if (Option.isSome(found)) return found.value
        return yield* Effect.fail(unknown(name, hint(name)))
      }),
      find,
      list: Effect.sync(all)
    }
  })

/**
 * A layer that registers values of one kind, in order: a plugin for `ktstr.config.ts`.
 *
 * @since 0.2.0
 * @category layers
 */
export const registering = <I, A extends Named, S extends Pick<Registry<A, unknown>, "register">>(
  registry: Context.Tag<I, S>,
  what: Registrable,
  values: ReadonlyArray<A>
): Layer.Layer<never, RegisterError, I> =>
  Layer.effectDiscard(Effect.flatMap(registry, ({ register }) => registerEach(values, what, register)))
