/**
 * Errors of a scheduler that are found before a machine runs it.
 *
 * @since 0.1.0
 */
import { Data } from "effect"

/**
 * Why a scheduler can't be used; each reason has an exit code.
 *
 * @since 0.1.0
 * @category errors
 */
export type SchedulerErrorReason =
  | "Declared" // the declaration or the requested flags are invalid; exit 64
  | "NotFound" // the program does not exist; exit 69
  | "Unusable" // the program can't run in the guest; exit 69
  | "Build" // the on-demand build failed; exit 69
  | "Kernel" // the kernel has no sched_ext; exit 69

/**
 * A scheduler can't be used. The message names it and says why.
 *
 * @since 0.1.0
 * @category errors
 */
export class SchedulerError extends Data.TaggedError("SchedulerError")<{
  readonly reason: SchedulerErrorReason
  readonly message: string
}> {}
