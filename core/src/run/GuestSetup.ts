/**
 * What the guest of a scenario needs: memory, deadlines, and the agent's arguments on the kernel command line.
 *
 * @since 0.1.0
 */
import { Either } from "effect"
import type { VmSpec } from "../machine/index.ts"
import { type Plan, PlanError } from "../plan/index.ts"
import type { Topology } from "../topology/index.ts"

/**
 * Returns guest memory in MiB: the requested amount (default 2048), but at least 256, 64 per CPU, and enough for the initramfs, which is in memory
 * twice while it is unpacked.
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
 * Time limits in milliseconds: until the agent's first frame, from there to `DONE`, and the guest's own deadline, which comes first so that the guest
 * can still report it.
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
 * Computes the time limits of a plan. Emulated CPUs start one after another, so the boot time grows with their number. In each round, workers may
 * take 5 s to stop, all at the same time, and payloads as long as their waits and grace periods; hundreds of workers on a few CPUs take longer to
 * start and end.
 *
 * @since 0.1.0
 * @category sizes
 */
export const deadlines = (options: {
  readonly plan: Plan
  readonly cpus: number
  readonly bootMs: number | undefined
  /** Longest time in milliseconds that the scheduler under test may take to attach; 0: no such scheduler. */
  readonly attachMs?: number
}): Deadlines => {
  const workers = options.plan.groups.reduce((sum, group) => sum + group.workers, 0)
  const around = 10_000 * (options.plan.steps.length + 1) + 200 * workers + 20_000
  // Each start may take that long; a scheduler that does not end gets a few more seconds.
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
 * Computes the time limits of a program, which has its own limit. The guest's deadline comes after it, as a last resort.
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
 * Returns the agent's arguments on the kernel command line.
 *
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

/** Size of the range in which a deterministic guest finds the second part of its plan. Unwritten pages take no host memory. */
const handoverBytes = 16 * 1024 * 1024

const handoverHeaderBytes = 64

/**
 * Builds the range with the second part of a plan, right after the ring. `deadlineMs` is the guest's deadline from the moment at which it takes the
 * plan. Fails if the plan does not fit.
 *
 * @since 0.2.0
 * @category sizes
 */
export const handover = (
  plan: Uint8Array,
  options: { readonly ring: { readonly address: number; readonly size: number }; readonly deadlineMs: number }
): Either.Either<NonNullable<VmSpec["handover"]>, PlanError> => {
  const maxPlanBytes = handoverBytes - handoverHeaderBytes
  if (plan.length > maxPlanBytes) {
    const message = `the plan has ${plan.length} bytes; a deterministic guest takes at most ${maxPlanBytes}: use fewer workers, steps or ops`
    return Either.left(new PlanError({ reason: "Value", message }))
  }
  const content = new Uint8Array(handoverHeaderBytes + plan.length)
  const view = new DataView(content.buffer)
  content.set(new TextEncoder().encode("KTSTPLAN"))
  view.setUint32(8, 1, true)
  view.setUint32(12, plan.length, true)
  view.setBigUint64(16, BigInt(options.deadlineMs), true)
  content.set(plan, handoverHeaderBytes)
  return Either.right({ address: options.ring.address + options.ring.size, size: handoverBytes, content })
}

/**
 * Returns how long the agent may take until it is given its plan, in milliseconds: it starts the scheduler in this time.
 *
 * @since 0.2.0
 * @category sizes
 */
export const preludeDeadlineMs = (attachMs: number): number => attachMs + 60_000
