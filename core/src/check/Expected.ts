/**
 * What a run was to do, as far as its judge must know: groups of workers with the CPUs they were allowed, and cgroups.
 *
 * @since 0.1.0
 */
import type { CpuSet } from "../topology/index.ts"

/**
 * CPUs that a group's cgroup allowed from one command of the plan on.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlannedCpuset {
  /** Index in the plan's commands from which on it holds. */
  readonly command: number
  /** Step in which it was set; -1 before the first. */
  readonly step: number
  readonly cpus: CpuSet
}

/**
 * One `SPAWN` of the plan.
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
  /** Workers that work together. */
  readonly groupSize: number
  /** Whether its program sleeps, waits or yields, so that there are wake latencies to expect. */
  readonly blocks: boolean
  /** Step in which it is spawned; -1: the backdrop. */
  readonly step: number
  /** What its cgroup allowed while the group ran, in order; never empty. */
  readonly cpusets: ReadonlyArray<PlannedCpuset>
  /** By worker: every CPU that cpuset and affinity together allowed at some time while it ran. */
  readonly allowedCpus: ReadonlyArray<CpuSet>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface PlannedCgroup {
  readonly name: string
  /** The cpuset of its own that it had last; undefined: none. */
  readonly cpuset: CpuSet | undefined
}
