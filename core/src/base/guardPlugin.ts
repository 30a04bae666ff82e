/**
 * Calls code of plugins, whose faults are not ktstr's.
 *
 * @since 0.2.0
 */
import { Cause, Effect } from "effect"
import { pluginEffect } from "./pluginEffect.ts"
import { describeFault } from "./UserFault.ts"

/** How to call a plugin's function. */
interface Guarded<A, E> {
  /** The tag of the errors that the function may fail with, and the reasons that such an error may have. */
  readonly tag: string
  readonly reasons: ReadonlyArray<string>
  /** Returns what the result is instead of what it should be; undefined: it is as documented. Must not throw. */
  readonly problem: (value: A) => string | undefined
  /** Makes the error for everything else; `how` says what happened, in one line. */
  readonly fault: (how: string, cause: unknown) => E
}

const isExpected = (error: unknown, tag: string, reasons: ReadonlyArray<string>): boolean =>
  typeof error === "object" &&
  error !== null &&
  Reflect.get(error, "_tag") === tag &&
  typeof Reflect.get(error, "message") === "string" &&
  reasons.includes(Reflect.get(error, "reason"))

/**
 * Runs what a plugin's function returns. Errors of the documented class and interruption pass unchanged. Everything else becomes the error that `fault`
 * makes: what is no effect, a foreign error, a thrown error, and a result that `problem` rejects.
 *
 * @since 0.2.0
 * @category running
 */
export const guardPlugin = <A, E, R>(
  call: () => Effect.Effect<A, E, R>,
  { fault, problem, reasons, tag }: Guarded<A, E>
): Effect.Effect<A, E, R> =>
  pluginEffect(call).pipe(
    Effect.catchAllCause((cause) => {
      if (Cause.isInterrupted(cause)) return Effect.failCause(cause)
      const error = Cause.squash(cause)
      return Cause.isFailure(cause) && isExpected(error, tag, reasons)
        ? Effect.failCause(cause)
        : Effect.fail(fault(describeFault(error), error))
    }),
    Effect.filterOrElse(
      (value) => problem(value) === undefined,
      (value) => Effect.fail(fault(`it returned ${problem(value)}`, value))
    )
  )
