/**
 * What is wrong with a scheduler before a machine runs it.
 *
 * @since 0.1.0
 */
import { Data } from "effect"

/**
 * @since 0.1.0
 * @category errors
 */
export type SchedulerErrorReason =
  | "Declared" // its declaration, or the flags asked for, make no sense; exit 64
  | "NotFound" // no such program; exit 69
  | "Unusable" // the program can't run in the guest; exit 69
  | "Build" // the on-demand build failed; exit 69
  | "Kernel" // the kernel has no sched_ext; exit 69

/**
 * @since 0.1.0
 * @category errors
 */
export class SchedulerError extends Data.TaggedError("SchedulerError")<{
  readonly reason: SchedulerErrorReason
  readonly message: string
}> {}
