/**
 * Why a payload can't run.
 *
 * @since 0.1.0
 */
import { Data } from "effect"

/**
 * `Program`: it is not there, or no executable file. `Refused`: the guest's agent would not start it. `Lost`: the guest is gone.
 *
 * @since 0.1.0
 * @category errors
 */
export class PayloadError extends Data.TaggedError("PayloadError")<{
  readonly reason: "Program" | "Refused" | "Lost"
  /** One line that names the payload. */
  readonly message: string
}> {}
