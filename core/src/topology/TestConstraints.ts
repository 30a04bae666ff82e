/**
 * Constraints on the machines of a test or a scheduler.
 *
 * @since 0.1.0
 */
import type { Topology } from "./Topology.ts"

/**
 * The machines that a test fits. If the test's own topology violates a constraint, the test is skipped with the reason; an unset field does not
 * constrain that topology.
 *
 * @since 0.1.0
 * @category models
 */
export interface TestConstraints {
  readonly minLlcs?: number
  readonly maxLlcs?: number
  readonly minCpus?: number
  readonly maxCpus?: number
  readonly minNumaNodes?: number
  readonly maxNumaNodes?: number
  /** Requires more than one thread per core. */
  readonly requiresSmt?: boolean
}

/**
 * The check of constraints.
 *
 * @since 0.1.0
 * @category predicates
 */
export const TestConstraints: {
  /** Returns why a machine with that topology violates the constraints; undefined if it meets them. */
  readonly unmet: (constraints: TestConstraints, topology: Topology) => string | undefined
} = {
  unmet: (constraints, topology) => {
    const counts = [
      ["LLC", constraints.minLlcs, constraints.maxLlcs, topology.llcs],
      ["CPU", constraints.minCpus, constraints.maxCpus, topology.cpus],
      ["NUMA node", constraints.minNumaNodes, constraints.maxNumaNodes, topology.numaNodes]
    ] as const
    for (const [what, min, max, has] of counts) {
      if (min !== undefined && has < min) return `needs at least ${min} ${what}s; topology ${topology} has ${has}`
      if (max !== undefined && has > max) return `takes at most ${max} ${what}s; topology ${topology} has ${has}`
    }
    return constraints.requiresSmt === true && topology.threadsPerCore < 2
      ? `needs more than one thread per core; topology ${topology} has one`
      : undefined
  }
}
