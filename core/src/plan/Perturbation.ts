/**
 * What a seed does to a plan, so that another one comes to another interleaving.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { PCGRandom } from "effect/Utils"
import { Command } from "../protocol/index.ts"

/**
 * All that a seed changed, in nanoseconds of virtual time.
 *
 * @since 0.1.0
 * @category models
 */
export class Perturbation extends Schema.Class<Perturbation>("Perturbation")({
  /** Between timer interrupts on one CPU, on average: each may preempt what runs there, and ends the turn of the vCPU that runs. */
  interruptsMeanNs: Schema.Number,
  /** How long after its release each worker begins, by group. */
  startOffsetsNs: Schema.Array(Schema.Struct({ group: Schema.Number, ns: Schema.Array(Schema.Number) })),
  /** Pauses before commands, by their place in the plan. */
  pausesNs: Schema.Array(Schema.Struct({ command: Schema.Number, ns: Schema.Number }))
}) {}

/**
 * @since 0.1.0
 * @category models
 */
export interface PerturbedPlan {
  readonly commands: ReadonlyArray<Command>
  /** Undefined: the seed is 0, and the plan as it was. */
  readonly perturbation: Perturbation | undefined
}

/** Workers begin within two ticks of a kernel of 250 Hz. */
const mostOffsetNs = 8_000_000

/** Long enough to reach another tick, short beside any hold. */
const mostPauseNs = 8_000_000

/** Interrupts of all CPUs together, a second. Each takes some 10 µs of the virtual time that all share. */
const fewestInterrupts = 500
const mostInterrupts = 4000

/** Commands whose moment matters to who runs where. */
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
 * The plan under a seed: workers begin one after the other, commands that change something come a little later, and timer interrupts fall at
 * moments of their own on every CPU. Pure: same plan, seed and number of CPUs, same outcome. Seed 0 leaves the plan as it is.
 *
 * @since 0.1.0
 * @category conversions
 */
export const perturb = (commands: ReadonlyArray<Command>, seed: number, cpus: number): PerturbedPlan => {
  if (seed === 0) return { commands, perturbation: undefined }
  const random = new PCGRandom(seed)
  // The first numbers of seeds that follow each other are close.
  for (let i = 0; i < 8; i++) random.number()
  const below = (limit: number): number => Math.floor(random.number() * limit)
  // The exponent is what is even: seeds differ by how often as much as by when.
  const rate = fewestInterrupts * (mostInterrupts / fewestInterrupts) ** random.number()
  const interruptsMeanNs = Math.round((1e9 * cpus) / rate)
  const workers = new Map<number, number>()
  const startOffsetsNs: Array<{ group: number; ns: ReadonlyArray<number> }> = []
  const pausesNs: Array<{ command: number; ns: number }> = []
  const out: Array<Command> = [Command.Interrupts({ seed, meanNs: interruptsMeanNs })]
  for (const [index, command] of commands.entries()) {
    if (command._tag === "Spawn") workers.set(command.group, command.workers.length)
    if (command._tag === "Start") {
      for (const group of command.groups) {
        const ns = Array.from({ length: workers.get(group) ?? 0 }, () => below(mostOffsetNs))
        startOffsetsNs.push({ group, ns })
        out.push(Command.StartOffsets({ group, ns }))
      }
    }
    if (paused.has(command._tag)) {
      const ns = 1 + below(mostPauseNs)
      pausesNs.push({ command: index, ns })
      out.push(Command.Hold({ ns }))
    }
    out.push(command)
  }
  return { commands: out, perturbation: Perturbation.make({ interruptsMeanNs, startOffsetsNs, pausesNs }) }
}
