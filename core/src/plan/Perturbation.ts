/**
 * Perturbs a plan by a seed, so that each seed gives a different interleaving.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { PCGRandom } from "effect/Utils"
import { Command } from "../protocol/index.ts"

/**
 * Everything that a seed changed, in nanoseconds of virtual time.
 *
 * @since 0.1.0
 * @category models
 */
export class Perturbation extends Schema.Class<Perturbation>("Perturbation")({
  /** Average time between timer interrupts on one CPU. Each interrupt may preempt what runs there, and ends the turn of the running vCPU. */
  interruptsMeanNs: Schema.Number,
  /** How long after its release each worker begins, by group. */
  startOffsetsNs: Schema.Array(Schema.Struct({ group: Schema.Number, ns: Schema.Array(Schema.Number) })),
  /** Pauses before commands, by their index in the plan. */
  pausesNs: Schema.Array(Schema.Struct({ command: Schema.Number, ns: Schema.Number }))
}) {}

/**
 * A plan after perturbation.
 *
 * @since 0.1.0
 * @category models
 */
export interface PerturbedPlan {
  readonly commands: ReadonlyArray<Command>
  /** Undefined for seed 0, which leaves the plan unchanged. */
  readonly perturbation: Perturbation | undefined
}

/** Workers begin within two ticks of a 250 Hz kernel, in nanoseconds. */
const maxOffsetNs = 8_000_000

/** Longest pause in nanoseconds: long enough to reach another tick, and short compared with any hold. */
const maxPauseNs = 8_000_000

/** Interrupts per second on all CPUs together. Each takes some 10 µs of the virtual time that all CPUs share. */
const minInterrupts = 500
const maxInterrupts = 4000

/** Commands whose timing affects where tasks run. */
const paused: ReadonlySet<Command["_tag"]> = new Set([
  "CgroupWrite",
  "CgroupRemove",
  "CgroupMoveAll",
  "CgroupMoveGroup",
  "Start",
  "Stop",
  "SetAffinity",
  "KillWorker",
  "SchedStop",
  "ProcRun"
])

/**
 * Perturbs a plan by a seed: workers begin at different times, commands that change something are delayed a little, and every CPU gets timer
 * interrupts at times of its own. Pure: the same plan, seed and number of CPUs give the same result. Seed 0 leaves the plan unchanged.
 *
 * @since 0.1.0
 * @category conversions
 */
export const perturb = (commands: ReadonlyArray<Command>, seed: number, cpus: number): PerturbedPlan => {
  if (seed === 0) return { commands, perturbation: undefined }
  const random = new PCGRandom(seed)
  // The first random numbers of consecutive seeds are similar.
  for (let i = 0; i < 8; i++) random.number()
  const below = (limit: number): number => Math.floor(random.number() * limit)
  // The exponent is uniformly distributed, so that seeds differ in the frequency of interrupts as well as in their times.
  const rate = minInterrupts * (maxInterrupts / minInterrupts) ** random.number()
  const interruptsMeanNs = Math.round((1e9 * cpus) / rate)
  const workers = new Map<number, number>()
  const startOffsetsNs: Array<{ group: number; ns: ReadonlyArray<number> }> = []
  const pausesNs: Array<{ command: number; ns: number }> = []
  const out: Array<Command> = [Command.Interrupts({ seed, meanNs: interruptsMeanNs })]
  for (const [index, command] of commands.entries()) {
    if (command._tag === "Spawn") workers.set(command.group, command.workers.length)
    if (command._tag === "Start") {
      for (const group of command.groups) {
        const ns = Array.from({ length: workers.get(group) ?? 0 }, () => below(maxOffsetNs))
        startOffsetsNs.push({ group, ns })
        out.push(Command.StartOffsets({ group, ns }))
      }
    }
    if (paused.has(command._tag)) {
      const ns = 1 + below(maxPauseNs)
      pausesNs.push({ command: index, ns })
      out.push(Command.Hold({ ns }))
    }
    out.push(command)
  }
  return { commands: out, perturbation: Perturbation.make({ interruptsMeanNs, startOffsetsNs, pausesNs }) }
}
