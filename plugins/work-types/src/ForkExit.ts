/**
 * @since 0.1.0
 */
import { WorkProgram, WorkType } from "@ktstr/core"

/**
 * Creates tasks that exit at once, one after the other.
 *
 * @since 0.1.0
 * @category work types
 */
export const ForkExit: WorkType = WorkType.make({
  name: "ForkExit",
  description: "forks a child that exits at once, and waits for it",
  params: {},
  program: () => WorkProgram.make({ body: [WorkProgram.forkExit] })
})
