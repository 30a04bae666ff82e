/**
 * @since 0.1.0
 */
import { WorkParam, WorkProgram, WorkType } from "@ktstr/core"

/**
 * Works for a while, then sleeps for a while.
 *
 * @since 0.1.0
 * @category work types
 */
export const Bursty: WorkType = WorkType.make({
  name: "Bursty",
  description: "spins for a burst of wall time, then sleeps",
  params: {
    burst: WorkParam.duration({
      default: "50 millis",
      min: "10 micros",
      max: "60 seconds",
      description: "wall time of each burst"
    }),
    sleep: WorkParam.duration({
      default: "100 millis",
      min: "1 micros",
      max: "60 seconds",
      description: "sleep after each burst"
    })
  },
  program: ({ burst, sleep }) =>
    WorkProgram.make({
      body: [WorkProgram.forDuration(burst, [WorkProgram.spin(1024)]), WorkProgram.sleep(sleep)]
    })
})
