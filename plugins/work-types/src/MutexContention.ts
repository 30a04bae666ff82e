/**
 * @since 0.1.0
 */
import { WorkParam, WorkProgram, WorkType } from "@ktstr/core"

/**
 * Several workers and one futex mutex: a worker that is preempted while holding it stops all others.
 *
 * @since 0.1.0
 * @category work types
 */
export const MutexContention: WorkType = WorkType.make({
  name: "MutexContention",
  description: "works, then takes the mutex of its group and works while holding it",
  params: {
    contenders: WorkParam.integer({ default: 4, min: 2, max: 1024, description: "workers that share one mutex" }),
    hold: WorkParam.integer({ default: 256, min: 1, max: 2 ** 32, description: "spins while holding it" }),
    work: WorkParam.integer({ default: 1024, min: 1, max: 2 ** 32, description: "spins between two holds" })
  },
  groupSize: ({ contenders }) => contenders,
  program: ({ hold, work }) =>
    WorkProgram.make({
      body: [WorkProgram.spin(work), WorkProgram.lock(0), WorkProgram.spin(hold), WorkProgram.unlock(0)]
    })
})
