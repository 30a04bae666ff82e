/**
 * @since 0.1.0
 */
import { WorkParam, WorkProgram, WorkType } from "@ktstr/core"

/**
 * One messenger that wakes many at once and never waits for them: bursts of wake-ups for the scheduler to spread.
 *
 * @since 0.1.0
 * @category work types
 */
export const FutexFanOut: WorkType = WorkType.make({
  name: "FutexFanOut",
  description: "one messenger spins and wakes all its receivers through one futex, which wait again at once",
  params: {
    receivers: WorkParam.integer({ default: 4, min: 1, max: 1023, description: "workers that one messenger wakes" }),
    spin: WorkParam.integer({
      default: 1024,
      min: 1,
      max: 2 ** 32,
      description: "spins of the messenger before each wake"
    })
  },
  groupSize: ({ receivers }) => receivers + 1,
  program: ({ receivers, spin }) =>
    WorkProgram.make({
      body: [WorkProgram.roles([[WorkProgram.spin(spin), WorkProgram.post(0, receivers)], [WorkProgram.await(0)]])]
    })
})
