/**
 * Takes what a plugin's function returned for an Effect only if it is one.
 *
 * @since 0.2.0
 */
import { Effect } from "effect"

/** Has no stack, whose frames would be ktstr's and not the plugin's. */
const noEffect = (): Error => Object.assign(new Error("it returned no Effect"), { stack: undefined })

/**
 * Runs what a plugin's function returns. Dies with an Error that says so if that is no Effect, as in a plugin without types; what the function throws is a
 * defect, too.
 *
 * @since 0.2.0
 * @category running
 */
export const pluginEffect = <A, E, R>(call: () => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const returned: unknown = call()
    return Effect.isEffect(returned) ? (returned as Effect.Effect<A, E, R>) : Effect.die(noEffect())
  })
