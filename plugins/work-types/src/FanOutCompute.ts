/**
 * @since 0.1.0
 */
import { WorkParam, WorkProgram, WorkType } from "@ktstr/core"

/** Two factors and a product of 4-byte elements. */
const bytesPerCell = 3 * 4

/**
 * Requests handed to a pool of workers: the messenger's time stamp to the worker's first step is the wake latency. The
 * messenger waits until one of them is done before it calls again, so that it takes no CPU from the computing workers.
 *
 * @since 0.1.0
 * @category work types
 */
export const FanOutCompute: WorkType = WorkType.make({
  name: "FanOutCompute",
  description: "one messenger wakes its workers, each thinks for a while, multiplies matrices and answers",
  params: {
    workers: WorkParam.integer({ default: 4, min: 1, max: 1023, description: "workers that one messenger wakes" }),
    size: WorkParam.bytes({
      default: 256 * 1024,
      min: bytesPerCell,
      max: 8 * 2 ** 20,
      description: "memory of the three matrices together"
    }),
    operations: WorkParam.integer({
      default: 5,
      min: 1,
      max: 2 ** 20,
      description: "multiplications for each request"
    }),
    think: WorkParam.duration({
      default: "100 micros",
      min: "1 micros",
      max: "60 seconds",
      description: "sleep before the multiplications"
    })
  },
  groupSize: ({ workers }) => workers + 1,
  program: ({ operations, size, think, workers }) => {
    const n = Math.floor(Math.sqrt(size / bytesPerCell))
    return WorkProgram.make({
      body: [
        WorkProgram.roles([
          [WorkProgram.post(0, workers), WorkProgram.await(1)],
          [WorkProgram.await(0), WorkProgram.sleep(think), WorkProgram.matmul(n, operations), WorkProgram.post(1, 1)]
        ])
      ]
    })
  }
})
