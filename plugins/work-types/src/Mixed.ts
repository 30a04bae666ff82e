/**
 * @since 0.1.0
 */
import { WorkProgram, WorkType } from "@ktstr/core"

/**
 * Computes and yields in turn.
 *
 * @since 0.1.0
 * @category work types
 */
export const Mixed: WorkType = WorkType.make({
  name: "Mixed",
  description: "spins 1024 steps, then yields the CPU",
  params: {},
  program: () => WorkProgram.make({ body: [WorkProgram.spin(1024), WorkProgram.yieldNow] })
})
