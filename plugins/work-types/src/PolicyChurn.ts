/**
 * @since 0.1.0
 */
import { WorkParam, WorkProgram, WorkType } from "@ktstr/core"

/**
 * A task that changes its scheduling class. Real-time policies that the kernel refuses are skipped. Ends as
 * SCHED_OTHER.
 *
 * @since 0.1.0
 * @category work types
 */
export const PolicyChurn: WorkType = WorkType.make({
  name: "PolicyChurn",
  description: "spins and yields as OTHER, BATCH, IDLE, FIFO and RR in turn",
  params: {
    spin: WorkParam.integer({ default: 1024, min: 1, max: 2 ** 32, description: "spins under each policy" }),
    priority: WorkParam.integer({
      default: 1,
      min: 0,
      max: 99,
      description: "real-time priority under FIFO and RR; 0 leaves these two out"
    })
  },
  program: ({ priority, spin }) => {
    const realTime = priority === 0 ? [] : (["Fifo", "RoundRobin"] as const)
    return WorkProgram.make({
      body: [
        WorkProgram.cycle([
          ...(["Normal", "Batch", "Idle"] as const).map((policy) => [WorkProgram.setPolicy(policy)]),
          ...realTime.map((policy) => [WorkProgram.setPolicy(policy, priority)])
        ]),
        WorkProgram.spin(spin),
        WorkProgram.yieldNow
      ],
      teardown: [WorkProgram.setPolicy("Normal")]
    })
  }
})
