/**
 * @since 0.1.0
 */
import { WorkParam, WorkProgram, WorkType } from "@ktstr/core"

/**
 * Spends its time in page faults: it frees the memory that it has touched.
 *
 * @since 0.1.0
 * @category work types
 */
export const PageFaultChurn: WorkType = WorkType.make({
  name: "PageFaultChurn",
  description: "touches random pages of a mapping without huge pages, spins, and gives them back",
  params: {
    size: WorkParam.bytes({ default: 4096 * 1024, min: 4096, max: 2 ** 40, description: "size of the mapping" }),
    touches: WorkParam.integer({ default: 256, min: 1, max: 2 ** 20, description: "pages touched in each round" }),
    spin: WorkParam.integer({ default: 64, min: 1, max: 2 ** 32, description: "spins in each round" })
  },
  program: ({ size, spin, touches }) =>
    WorkProgram.make({
      setup: [WorkProgram.map(0, size, { noHugePages: true })],
      body: [WorkProgram.touch(0, touches, { random: true }), WorkProgram.spin(spin), WorkProgram.discard(0)]
    })
})
