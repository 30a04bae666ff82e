/**
 * What the guest of a scenario needs of its machine: memory, the ring, and the agent's part of the command line.
 *
 * @since 0.1.0
 */
import type { Plan } from "../plan/index.ts"
import type { Topology } from "../topology/index.ts"

/**
 * Guest memory in MiB: what was asked for (default 2048), at least 64 a CPU and 256, and room for the initramfs, which lies
 * in memory twice while it is unpacked.
 *
 * @since 0.1.0
 * @category sizes
 */
export const guestMemoryMb = (options: {
  readonly topology: Topology
  readonly asked: number | undefined
  readonly initramfsBytes: number
}): number => {
  const forInitramfs = 192 + Math.ceil((2 * options.initramfsBytes) / (1024 * 1024))
  return Math.max(64 * options.topology.cpus, 256, options.asked ?? 2048, forInitramfs)
}

/**
 * How long things may take, in milliseconds: until the agent's first frame, from there to `DONE`, and the guest's own
 * deadline, which comes first so that the guest's account of it is heard.
 *
 * @since 0.1.0
 * @category models
 */
export interface Deadlines {
  readonly bootMs: number
  readonly planMs: number
  readonly guestMs: number
}

/**
 * Emulated CPUs come up one after the other, so time to boot grows with their number. Workers may take 5 s each round to
 * stop, all at once, and payloads what their waits and their ends may take; hundreds of them on a few CPUs take longer to start and to end.
 *
 * @since 0.1.0
 * @category sizes
 */
export const deadlines = (options: {
  readonly plan: Plan
  readonly cpus: number
  readonly bootMs: number | undefined
  /** Longest time that the scheduler under test may take to attach; 0: there is none. */
  readonly attachMs?: number
}): Deadlines => {
  const workers = options.plan.groups.reduce((sum, group) => sum + group.workers, 0)
  const around = 10_000 * (options.plan.steps.length + 1) + 200 * workers + 20_000
  // Each start may take that long; a scheduler that won't end is given some seconds.
  const starts = options.plan.commands.filter((command) => command._tag === "SchedStart").length + 1
  const forScheduler = options.attachMs ? starts * (options.attachMs + 10_000) : 0
  const ofPayloads = options.plan.commands.reduce((sum, c) => sum + (c._tag === "ProcStop" ? c.graceNs / 1e6 : 0), 0)
  const guestMs = Math.ceil(options.plan.plannedNs / 1e6 + ofPayloads) + around + forScheduler
  return {
    bootMs: options.bootMs ?? 60_000 + 2_000 * options.cpus,
    guestMs,
    planMs: guestMs + 10_000
  }
}

/**
 * The same for a program, which has a limit of its own; the guest's deadline comes after it, as a last resort.
 *
 * @since 0.1.0
 * @category sizes
 */
export const programDeadlines = (options: {
  readonly limitMs: number
  readonly cpus: number
  readonly bootMs: number | undefined
  readonly attachMs?: number
}): Deadlines => {
  const guestMs = options.limitMs + 60_000 + (options.attachMs ?? 0)
  return { bootMs: options.bootMs ?? 60_000 + 2_000 * options.cpus, guestMs, planMs: guestMs + 10_000 }
}

/**
 * @since 0.1.0
 * @category sizes
 */
export const agentCmdline = (options: {
  readonly mode: "plan" | "live"
  readonly deadlineMs: number
  /** Default false. */
  readonly deterministic?: boolean | undefined
}): ReadonlyArray<string> => [
  `ktstr.mode=${options.mode}`,
  `ktstr.deadline_ms=${options.deadlineMs}`,
  ...(options.deterministic === true ? ["ktstr.clock=deterministic"] : [])
]
