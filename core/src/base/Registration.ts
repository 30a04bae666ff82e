/**
 * Checks what plugins register before it is accepted: no compiler checks a plugin written in JavaScript.
 *
 * @since 0.2.0
 */
import { Data, Effect } from "effect"

/**
 * The registered value does not have the expected shape. The message says what is wrong and which function makes a correct one.
 *
 * @since 0.2.0
 * @category errors
 */
export class RegistrationError extends Data.TaggedError("RegistrationError")<{ readonly message: string }> {}

/**
 * What a field must hold; a `?` after it allows undefined. `name` is a string that is not blank.
 *
 * @since 0.2.0
 * @category models
 */
export type FieldKind = "name" | "string" | "function" | "list" | "object" | "number"

/**
 * The shape of something that plugins can register.
 *
 * @since 0.2.0
 * @category models
 */
export interface Registrable {
  /** What it is called in messages, e.g. `scenario`. */
  readonly kind: string
  /** The function that makes one, e.g. `Scenario.make`. */
  readonly maker: string
  readonly fields: Readonly<Record<string, FieldKind | `${FieldKind}?`>>
}

const described = (value: unknown): string => {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return "a list"
  if (typeof value === "string") return `'${value.slice(0, 40)}'`
  return typeof value === "object" ? "an object" : `a ${typeof value}`
}

const holds = (kind: string, value: unknown): boolean => {
  switch (kind) {
    case "name":
      return typeof value === "string" && value.trim() !== ""
    case "list":
      return Array.isArray(value)
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value)
    default:
      return typeof value === kind
  }
}

const article: Readonly<Record<string, string>> = { name: "a name", object: "an object" }

/**
 * Returns what is wrong with a value to be registered, in one line, or undefined if nothing is wrong.
 *
 * @since 0.2.0
 * @category validation
 */
export const registrationProblem = (value: unknown, { fields, kind, maker }: Registrable): string | undefined => {
  if (!holds("object", value)) return `a ${kind} is ${described(value)}: ${maker} makes them`
  const all = value as Readonly<Record<string, unknown>>
  const called = typeof all.name === "string" ? `${kind} '${all.name}'` : `a ${kind}`
  for (const [field, wanted] of Object.entries(fields)) {
    const type = wanted.replace("?", "")
    if (wanted.endsWith("?") && all[field] === undefined) continue
    if (!holds(type, all[field]))
      return `${called}: its ${field} is ${described(all[field])}, and must be ${article[type] ?? `a ${type}`}: ${maker} makes them`
  }
  return undefined
}

/**
 * Checks and registers each value of a list, in order. Fails with RegistrationError if `values` is not a list.
 *
 * @since 0.2.0
 * @category registering
 */
export const registerEach = <A, E, R>(
  values: ReadonlyArray<A>,
  what: Registrable,
  register: (value: A) => Effect.Effect<void, E, R>
): Effect.Effect<void, E | RegistrationError, R> =>
  Array.isArray(values)
    ? Effect.forEach(values, register, { discard: true })
    : new RegistrationError({
        message: `what registers a ${what.kind} is given ${described(values)}, and wants a list`
      })

/**
 * Fails with RegistrationError if {@link registrationProblem} finds a problem.
 *
 * @since 0.2.0
 * @category validation
 */
export const checkRegistration = (value: unknown, what: Registrable): Effect.Effect<void, RegistrationError> =>
  Effect.suspend(() => {
    const message = registrationProblem(value, what)
    return message === undefined ? Effect.void : new RegistrationError({ message })
  })
