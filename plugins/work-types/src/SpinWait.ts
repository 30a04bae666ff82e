/**
 * @since 0.1.0
 */
import { WorkProgram, WorkType } from "@ktstr/core"

/**
 * Keeps a CPU busy without ever yielding; the default work type.
 *
 * @since 0.1.0
 * @category work types
 */
export const SpinWait: WorkType = WorkType.make({
  name: "SpinWait",
  aliases: ["CpuSpin"],
  description: "spins in bursts of 1024 steps, never blocks",
  params: {},
  program: () => WorkProgram.make({ body: [WorkProgram.spin(1024)] })
})
