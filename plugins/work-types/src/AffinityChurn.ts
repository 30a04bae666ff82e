/**
 * @since 0.1.0
 */
import { WorkParam, WorkProgram, WorkType } from "@ktstr/core"

/**
 * A task that is sent from CPU to CPU by its own affinity. Ends with the affinity it began with.
 *
 * @since 0.1.0
 * @category work types
 */
export const AffinityChurn: WorkType = WorkType.make({
  name: "AffinityChurn",
  description: "pins itself to a random CPU of those it may use, spins and yields",
  params: {
    spin: WorkParam.integer({ default: 1024, min: 1, max: 2 ** 32, description: "spins on each CPU" })
  },
  program: ({ spin }) =>
    WorkProgram.make({
      body: [WorkProgram.setAffinity("random"), WorkProgram.spin(spin), WorkProgram.yieldNow],
      teardown: [WorkProgram.setAffinity("initial")]
    })
})
