/**
 * @since 0.1.0
 */
import { WorkProgram, WorkType } from "@ktstr/core"

/**
 * Calls the scheduler as often as possible; the wake latency is the duration of each `sched_yield`.
 *
 * @since 0.1.0
 * @category work types
 */
export const YieldHeavy: WorkType = WorkType.make({
  name: "YieldHeavy",
  description: "yields the CPU in every iteration",
  params: {},
  program: () => WorkProgram.make({ body: [WorkProgram.yieldNow] })
})
