/**
 * @since 0.1.0
 */
import { WorkParam, WorkProgram, WorkType } from "@ktstr/core"

/**
 * Pairs of workers that wake each other through two pipes, one in each direction.
 *
 * @since 0.1.0
 * @category work types
 */
export const PipeIo: WorkType = WorkType.make({
  name: "PipeIo",
  description: "spins a burst, then exchanges one byte with its partner over pipes",
  params: {
    burst: WorkParam.integer({ default: 1024, min: 1, max: 2 ** 32, description: "spins before each exchange" })
  },
  groupSize: () => 2,
  program: ({ burst }) => {
    // Both write before they read, so that they don't deadlock.
    const exchange = (own: number, partner: number) => [WorkProgram.pipeWrite(own), WorkProgram.pipeRead(partner)]
    return WorkProgram.make({
      body: [WorkProgram.spin(burst), WorkProgram.roles([exchange(0, 1), exchange(1, 0)])]
    })
  }
})
