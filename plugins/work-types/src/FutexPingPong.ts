/**
 * @since 0.1.0
 */
import { WorkParam, WorkProgram, WorkType } from "@ktstr/core"

/**
 * Pairs of workers that wake each other through futex words, one in each direction.
 *
 * @since 0.1.0
 * @category work types
 */
export const FutexPingPong: WorkType = WorkType.make({
  name: "FutexPingPong",
  description: "spins, wakes its partner through a futex and waits to be woken",
  params: {
    spin: WorkParam.integer({ default: 1024, min: 1, max: 2 ** 32, description: "spins before each wake" })
  },
  groupSize: () => 2,
  program: ({ spin }) => {
    const wakeAndWait = (own: number, partner: number) => [WorkProgram.post(own, 1), WorkProgram.await(partner)]
    return WorkProgram.make({
      body: [WorkProgram.spin(spin), WorkProgram.roles([wakeAndWait(0, 1), wakeAndWait(1, 0)])]
    })
  }
})
