/**
 * Why a machine can't be described.
 *
 * @since 0.1.0
 */
import { Data } from "effect"

/**
 * `BadKernel`: the image; `BadSpec`: what was asked for; `OutOfMemory`: the guest's memory is too small for kernel and initramfs.
 *
 * @since 0.1.0
 * @category errors
 */
export class MachineError extends Data.TaggedError("MachineError")<{
  readonly reason: "BadKernel" | "BadSpec" | "OutOfMemory"
  /** One line: what is wrong, with which value, and how to mend it. */
  readonly message: string
}> {}
