/**
 * @since 0.1.0
 */
import { WorkParam, WorkProgram, WorkType } from "@ktstr/core"

/**
 * Holds a working set in cache and yields after each pass: the scheduler's choice decides whether the set
 * is still cached.
 *
 * @since 0.1.0
 * @category work types
 */
export const CacheYield: WorkType = WorkType.make({
  name: "CacheYield",
  description: "reads, modifies and writes one byte in every stride of a private buffer, then yields",
  params: {
    size: WorkParam.bytes({ default: 32 * 1024, min: 64, max: 2 ** 30, description: "size of the buffer" }),
    stride: WorkParam.bytes({ default: 64, min: 1, max: 2 ** 20, description: "distance of two accesses" })
  },
  program: ({ size, stride }) => WorkProgram.make({ body: [WorkProgram.walk(size, stride), WorkProgram.yieldNow] })
})
