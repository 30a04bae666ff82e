/**
 * @since 0.1.0
 */
import { WorkProgram, WorkType } from "@ktstr/core"

const nices = Array.from({ length: 40 }, (_, i) => i - 20)

/**
 * A task whose weight keeps changing. Ends at nice 0.
 *
 * @since 0.1.0
 * @category work types
 */
export const NiceSweep: WorkType = WorkType.make({
  name: "NiceSweep",
  description: "spins 512 steps and yields at every nice value from -20 to 19 in turn",
  params: {},
  program: () =>
    WorkProgram.make({
      body: [
        WorkProgram.cycle(nices.map((nice) => [WorkProgram.setNice(nice)])),
        WorkProgram.spin(512),
        WorkProgram.yieldNow
      ],
      teardown: [WorkProgram.setNice(0)]
    })
})
