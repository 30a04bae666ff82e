import { Effect } from "effect"
import { Command } from "../protocol/index.ts"
import type { WorkTypes } from "../work/index.ts"
import { isSameRound } from "./ops.ts"
import { PlanError } from "./PlanError.ts"

/** Maximum number of commands in an unrolled loop; some 20 MiB of plan. */
const unrollLimit = 500_000

/**
 * Appends a loop to the commands. The agent repeats rounds that are identical. Rounds that are not (swapped cpusets, new workers, random masks) are
 * unrolled, each as a loop with a single round, so that the pace does not drift.
 */
export const compileLoop = (loop: {
  readonly commands: Array<Command>
  /** Appends the commands of one round. */
  readonly body: Effect.Effect<void, PlanError, WorkTypes>
  /** Returns a text that is equal for equal states, in which a round would give the same commands. */
  readonly state: () => string
  readonly totalNs: number
  readonly intervalNs: number
  readonly label: string
}): Effect.Effect<void, PlanError, WorkTypes> =>
  Effect.gen(function* () {
    const { commands, intervalNs, totalNs } = loop
    const rounds = Math.max(1, Math.ceil(totalNs / intervalNs))
    const start = commands.length
    const round = (index: number): Effect.Effect<ReadonlyArray<Command>, PlanError, WorkTypes> =>
      Effect.gen(function* () {
        const begin = commands.length
        const lasts = Math.min(intervalNs, totalNs - index * intervalNs)
        commands.push(Command.LoopBegin({ totalNs: lasts, intervalNs: lasts }))
        yield* loop.body
        commands.push(Command.LoopEnd())
        return commands.slice(begin + 1, -1)
      })
    const first = yield* round(0)
    if (rounds === 1) return
    const end = commands.length
    const before = loop.state()
    const second = yield* round(1)
    if (before === loop.state() && isSameRound(first, second)) {
      commands.length = end
      commands[start] = Command.LoopBegin({ totalNs, intervalNs })
      return
    }
    if (rounds * first.length > unrollLimit) {
      const message = `${loop.label}: the loop comes to ${rounds} rounds of ${first.length} commands; lengthen its interval`
      return yield* new PlanError({ reason: "TooLong", message })
    }
    for (let index = 2; index < rounds; index++) yield* round(index)
  })
