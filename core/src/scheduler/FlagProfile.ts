/**
 * Combinations of a scheduler's flags.
 *
 * @since 0.1.0
 */
import { Either } from "effect"
import { suggestion } from "../base/index.ts"
import { SchedulerError } from "./Error.ts"
import type { Scheduler } from "./Scheduler.ts"

/**
 * A set of enabled flags, including all flags that they require.
 *
 * @since 0.1.0
 * @category models
 */
export interface FlagProfile<out F extends string = string> {
  /** The flags joined by `+`, or `default`. */
  readonly name: string
  /** In the order in which the scheduler declares them. */
  readonly flags: ReadonlyArray<F>
}

/** Maximum number of optional flags: each one doubles the number of profiles. */
const maxOptional = 16

type Checked<A> = Either.Either<A, SchedulerError>

const bad = (scheduler: Scheduler, what: string): Checked<never> =>
  Either.left(new SchedulerError({ reason: "Declared", message: `scheduler '${scheduler.name}': ${what}` }))

const unknownFlag = <F extends string>(scheduler: Scheduler<F>, names: Iterable<string>): string | undefined => {
  const known = scheduler.flags.map(({ name }) => name)
  for (const name of names) {
    if (known.some((flag) => flag === name)) continue
    return known.length === 0 ? `no flag '${name}': it declares none` : `no flag '${name}'${suggestion(name, known)}`
  }
  return undefined
}

/** Returns the flags and everything that they require, directly or indirectly. */
const closure = <F extends string>(scheduler: Scheduler<F>, flags: Iterable<F>): ReadonlySet<F> => {
  const closed = new Set<F>()
  const add = (name: F): void => {
    if (closed.has(name)) return
    closed.add(name)
    for (const other of scheduler.flags.find((flag) => flag.name === name)?.requires ?? []) add(other)
  }
  for (const name of flags) add(name)
  return closed
}

const profileOf = <F extends string>(scheduler: Scheduler<F>, on: ReadonlySet<F>): FlagProfile<F> => {
  const flags = scheduler.flags.flatMap(({ name }) => (on.has(name) ? [name] : []))
  return { name: flags.length === 0 ? "default" : flags.join("+"), flags }
}

/**
 * Functions that make profiles.
 *
 * @since 0.1.0
 * @category constructors
 */
export const FlagProfile: {
  /** The profile without flags. */
  readonly none: FlagProfile<never>
  /** Makes the profile of these flags and what they require. Fails if a name is unknown, because the names come from users. */
  readonly of: <F extends string>(scheduler: Scheduler<F>, flags: Iterable<string>) => Checked<FlagProfile<F>>
  /**
   * Returns every set of flags that contains the required ones, none of the excluded ones, and everything that its members require; smaller sets
   * first.
   */
  readonly all: <F extends string>(
    scheduler: Scheduler<F>,
    options?: { readonly required?: Iterable<string>; readonly excluded?: Iterable<string> }
  ) => Checked<ReadonlyArray<FlagProfile<F>>>
  /** Returns the arguments that enable the flags. */
  readonly args: (scheduler: Scheduler, profile: FlagProfile) => ReadonlyArray<string>
} = {
  none: { name: "default", flags: [] },
  of: (scheduler, names) => {
    const wrong = unknownFlag(scheduler, names)
    if (wrong !== undefined) return bad(scheduler, wrong)
    const wanted = new Set(names)
    const flags = scheduler.flags.flatMap(({ name }) => (wanted.has(name) ? [name] : []))
    return Either.right(profileOf(scheduler, closure(scheduler, flags)))
  },
  all: (scheduler, options) => {
    const excluded = new Set(options?.excluded)
    const base = FlagProfile.of(scheduler, options?.required ?? [])
    if (Either.isLeft(base)) return Either.left(base.left)
    const wrong = unknownFlag(scheduler, excluded)
    if (wrong !== undefined) return bad(scheduler, wrong)
    const clash = base.right.flags.find((flag) => excluded.has(flag))
    if (clash !== undefined) return bad(scheduler, `flag '${clash}' is required and excluded at once`)
    const required = new Set(base.right.flags)
    const optional = scheduler.flags.filter(({ name }) => !required.has(name) && !excluded.has(name))
    if (optional.length > maxOptional) {
      const message = `${optional.length} optional flags make 2^${optional.length} profiles; require or exclude some`
      return bad(scheduler, message)
    }
    const found = Array.from({ length: 2 ** optional.length }, (_, bits) => {
      const chosen = optional.flatMap(({ name }, bit) => ((bits >> bit) & 1 ? [name] : []))
      return new Set([...required, ...chosen])
    })
    return Either.right(
      found
        .filter((set) => closure(scheduler, set).size === set.size)
        .map((set) => profileOf(scheduler, set))
        .sort((a, b) => a.flags.length - b.flags.length)
    )
  },
  args: (scheduler, profile) => scheduler.flags.flatMap(({ args, name }) => (profile.flags.includes(name) ? args : []))
}
