/**
 * What plugins register, looked at before it is taken: a plugin in JavaScript has no compiler to do so.
 *
 * @since 0.2.0
 */
import { Data, Effect } from "effect"

/**
 * What was registered is none of its kind; the message says what is wrong with it, and what makes one.
 *
 * @since 0.2.0
 * @category errors
 */
export class RegistrationError extends Data.TaggedError("RegistrationError")<{ readonly message: string }> {}

/**
 * What a field holds; with a `?` it may be undefined. `name`: a string that is not blank.
 *
 * @since 0.2.0
 * @category models
 */
export type FieldKind = "name" | "string" | "function" | "list" | "object" | "number"

/**
 * @since 0.2.0
 * @category models
 */
export interface Registrable {
  /** e.g. `scenario`. */
  readonly kind: string
  /** Who makes one, e.g. `Scenario.make`. */
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
 * What is wrong with a value that is to be registered, in one line; undefined: nothing.
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
 * Registers each of a list, in order, each looked at before.
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
 * Fails where {@link registrationProblem} has something to say.
 *
 * @since 0.2.0
 * @category validation
 */
export const checkRegistration = (value: unknown, what: Registrable): Effect.Effect<void, RegistrationError> =>
  Effect.suspend(() => {
    const message = registrationProblem(value, what)
    return message === undefined ? Effect.void : new RegistrationError({ message })
  })
