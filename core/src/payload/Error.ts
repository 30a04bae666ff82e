/**
 * Why a payload can't run.
 *
 * @since 0.1.0
 */
import { Data } from "effect"

/**
 * A payload can't run. `Program`: the program does not exist or is not executable. `Refused`: the guest's agent did not start it. `Lost`: the guest
 * is gone.
 *
 * @since 0.1.0
 * @category errors
 */
export class PayloadError extends Data.TaggedError("PayloadError")<{
  readonly reason: "Program" | "Refused" | "Lost"
  /** One line that names the payload. */
  readonly message: string
  /** The agent's own error, if it rejected a command. */
  readonly cause?: unknown
}> {}
