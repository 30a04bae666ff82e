/**
 * What a run was meant to do, as far as its judge must know: cgroups, and groups of workers with the CPUs they were allowed.
 *
 * @since 0.1.0
 */
import type { CpuSet } from "../topology/index.ts"

/**
 * The CPUs that a group's cgroup allows, starting with one command of the plan.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlannedCpuset {
  /** Index of the command of the plan that sets it. */
  readonly command: number
  /** Step in which it is set; -1 before the first. */
  readonly step: number
  readonly cpus: CpuSet
}

/**
 * The workers of one `SPAWN` command of the plan.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlannedGroup {
  readonly group: number
  /** The cgroup it is spawned in; empty: the root. */
  readonly cgroup: string
  readonly workType: string
  readonly workers: number
  /** Number of workers that work together. */
  readonly groupSize: number
  /** Whether its program sleeps, waits or yields, and therefore has wake latencies. */
  readonly blocks: boolean
  /** Step in which it is spawned; -1: the backdrop. */
  readonly step: number
  /** What its cgroup allowed while the group ran, in order; never empty. */
  readonly cpusets: ReadonlyArray<PlannedCpuset>
  /** By worker: every CPU that cpuset and affinity together allowed at some time while it ran. */
  readonly allowedCpus: ReadonlyArray<CpuSet>
}

/**
 * A cgroup that the plan makes.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlannedCgroup {
  readonly name: string
  /** Its own cpuset at the end; undefined: none. */
  readonly cpuset: CpuSet | undefined
}
