/**
 * Why a machine can't be described.
 *
 * @since 0.1.0
 */
import { Data } from "effect"

/**
 * `BadKernel`: the image is unusable; `BadSpec`: the options are; `OutOfMemory`: the guest's memory is too small for
 * kernel and initramfs.
 *
 * @since 0.1.0
 * @category errors
 */
export class MachineError extends Data.TaggedError("MachineError")<{
  readonly reason: "BadKernel" | "BadSpec" | "OutOfMemory"
  /** One line: what is wrong, with which value, and how to fix it. */
  readonly message: string
}> {}
