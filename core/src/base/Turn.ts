/**
 * Turns of the event loop.
 *
 * @since 0.2.0
 */
import { Effect } from "effect"

/**
 * Lets everything else that waits have its turn: timers, input and other fibers. Use it between parts of a long computation, so that none takes more
 * than a few milliseconds. `Effect.yieldNow` lets only other fibers run.
 *
 * @since 0.2.0
 * @category scheduling
 */
export const nextTurn: Effect.Effect<void> = Effect.sleep(0)
