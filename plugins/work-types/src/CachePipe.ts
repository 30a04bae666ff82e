/**
 * @since 0.1.0
 */
import { WorkParam, WorkProgram, WorkType } from "@ktstr/core"

const stride = 64

/**
 * Pairs of workers that wake each other, each with a working set that is lost if it wakes up far away.
 *
 * @since 0.1.0
 * @category work types
 */
export const CachePipe: WorkType = WorkType.make({
  name: "CachePipe",
  description: "walks a private buffer, then exchanges one byte with its partner over pipes",
  params: {
    size: WorkParam.bytes({ default: 32 * 1024, min: 64, max: 2 ** 30, description: "size of the buffer" }),
    burst: WorkParam.integer({
      default: 1024,
      min: 1,
      max: 2 ** 32,
      description: "accesses, 64 bytes apart, before each exchange; rounded up to whole passes over the buffer"
    })
  },
  groupSize: () => 2,
  program: ({ burst, size }) => {
    const passes = Math.ceil(burst / Math.ceil(size / stride))
    // Both write before they read, so that they don't deadlock.
    const exchange = (own: number, partner: number) => [WorkProgram.pipeWrite(own), WorkProgram.pipeRead(partner)]
    return WorkProgram.make({
      body: [WorkProgram.walk(size, stride, passes), WorkProgram.roles([exchange(0, 1), exchange(1, 0)])]
    })
  }
})
