/**
 * Refuses options that nothing reads: a misspelt one would be ignored in silence, and no compiler checks a user's JavaScript.
 *
 * @since 0.2.0
 */
import { Data } from "effect"
import { suggestion } from "./Suggest.ts"

/**
 * An option is unknown, or holds what no constructor of ktstr's makes. Constructors throw it.
 *
 * @since 0.2.0
 * @category errors
 */
export class OptionError extends Data.TaggedError("OptionError")<{ readonly message: string }> {}

/**
 * The names of all options of a type, each written once: a name that is missing is a type error.
 *
 * @since 0.2.0
 * @category models
 */
export type OptionNames<A> = Readonly<Record<keyof A, true>>

/**
 * Returns the first option that is unknown, with the nearest known name, or undefined if all are known.
 *
 * @since 0.2.0
 * @category validation
 */
export const unknownOption = (options: object, names: Iterable<string>): string | undefined => {
  const all = [...names]
  const unknown = Object.keys(options).find((key) => !all.includes(key))
  return unknown === undefined ? undefined : `unknown option '${unknown}'${suggestion(unknown, all)}`
}

/**
 * Throws an {@link OptionError} that begins with `whose` if an option is unknown.
 *
 * @since 0.2.0
 * @category validation
 */
export const refuseUnknown = <A>(whose: string, options: object, names: OptionNames<A>): void => {
  const message = unknownOption(options, Object.keys(names))
  if (message !== undefined) throw new OptionError({ message: `${whose}: ${message}` })
}
