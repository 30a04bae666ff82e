/**
 * Why a scenario does not compile to a plan.
 *
 * @since 0.1.0
 */
import { Data } from "effect"

/**
 * A scenario does not compile. Nothing has been written or started.
 *
 * @since 0.1.0
 * @category errors
 */
export class PlanError extends Data.TaggedError("PlanError")<{
  readonly reason:
    | "Cpuset"
    | "WorkType"
    | "WorkerCount"
    | "Hold"
    | "Name"
    | "Policy"
    | "Affinity"
    | "Value"
    | "Payload"
    | "TooLong"
    | "Program"
    | "Check"
  readonly message: string
}> {}
