import { Equal } from "effect"
import type { PlannedGroup } from "../check/index.ts"
import { Command, type GuestWorker } from "../protocol/index.ts"
import { CpuSet } from "../topology/index.ts"
import type { CgroupState } from "./cgroupState.ts"
import { blocks, movesItself, type ResolvedWork } from "./work.ts"

/** The CPUs that a group's cgroup allows, starting with one command of the plan. */
export interface CpusetChange {
  /** Index of the command of the plan that sets it. */
  readonly command: number
  /** Step in which it is set; -1 before the first. */
  readonly step: number
  readonly cpus: CpuSet
}

/** A spawned group during compilation. */
export interface LiveGroup {
  readonly group: number
  readonly workers: number
  /** Whether the program itself sets its affinity to explicit CPUs, so that no affinity limits it. */
  readonly movesItself: boolean
  cgroup: string
  affinity: ReadonlyArray<CpuSet | undefined>
  /** Whether `affinity` changed since it was last recorded. */
  affinityChanged: boolean
  running: boolean
  readonly history: Array<CpusetChange>
  /** By worker: every CPU that it was ever allowed to use. */
  allowed: ReadonlyArray<CpuSet>
}

/** What is planned for a group before it runs; its CPUs are recorded while it runs. */
export type SpawnPlan = Omit<PlannedGroup, "cpusets" | "allowedCpus">

/** Makes a new group: its plan, its initial state, and the command that spawns it. */
export const newGroup = (
  { group, cgroup, step }: Pick<SpawnPlan, "group" | "cgroup" | "step">,
  work: ResolvedWork,
  affinity: ReadonlyArray<CpuSet | undefined>,
  workers: ReadonlyArray<GuestWorker>
): { readonly planned: SpawnPlan; readonly live: LiveGroup; readonly command: Command } => {
  const { channels, instance, program } = work
  const { groupSize, name } = instance
  return {
    planned: {
      group,
      cgroup,
      workType: name,
      workers: work.workers,
      groupSize,
      blocks: blocks(instance.program),
      step
    },
    live: {
      group,
      workers: work.workers,
      movesItself: movesItself(instance.program),
      cgroup,
      affinity,
      affinityChanged: true,
      running: false,
      history: [],
      allowed: affinity.map(() => CpuSet.empty)
    },
    command: Command.Spawn({ group, cgroup, label: name, groupSize, channels, program, workers })
  }
}

/** Returns the CPUs of the cgroup that a mask allows. If there are none, the kernel falls back to all CPUs of the cgroup. */
const within = (effective: CpuSet, mask: CpuSet | undefined): CpuSet => {
  if (mask === undefined) return effective
  const both = effective.intersect(mask)
  return both.isEmpty ? effective : both
}

/** Adds the currently allowed CPUs to those recorded for each running group. */
export const recordAllowed = (
  groups: Iterable<LiveGroup>,
  state: CgroupState,
  at: { readonly command: number; readonly step: number }
): void => {
  for (const group of groups) {
    if (!group.running) continue
    const effective = state.effective(group.cgroup)
    const last = group.history.at(-1)
    const changed = last === undefined || !Equal.equals(last.cpus, effective)
    if (!changed && !group.affinityChanged) continue
    if (changed) group.history.push({ ...at, cpus: effective })
    group.affinityChanged = false
    group.allowed = group.allowed.map((sofar, worker) =>
      sofar.union(within(effective, group.movesItself ? undefined : group.affinity[worker]))
    )
  }
}

/** Finds the nth worker of these groups, counted in order, and returns the total number of workers. */
export const workerAt = (
  groups: ReadonlyArray<LiveGroup>,
  nth: number
): { readonly found: { readonly group: number; readonly index: number } | undefined; readonly count: number } => {
  let count = 0
  let found: { readonly group: number; readonly index: number } | undefined
  for (const { group, workers } of groups) {
    if (nth >= count && nth < count + workers) found = { group, index: nth - count }
    count += workers
  }
  return { found, count }
}
