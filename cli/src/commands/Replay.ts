/**
 * `ktstr replay`: repeats a deterministic run and compares the results.
 *
 * @since 0.1.0
 */
import { createReadStream } from "node:fs"
import { resolve } from "node:path"
import { ExitCode, type RunResult, Topology } from "@ktstr/core"
import type { ShrinkCase } from "@ktstr/core/explore"
import { changedIngredients, failureCause, parseReplay, type ReplayRequest, replayLimit } from "@ktstr/core/run"
import { layerHarness, loadPlugins } from "@ktstr/harness"
import { Effect } from "effect"
import { oneKernel } from "../choose/index.ts"
import { type CommandIo, writableFolder } from "../io/index.ts"
import { type Invocation, Settings, UsageError } from "../parse/index.ts"
import { makeSeedRuns, makeTestRuns, noOptions, optionsOfReplay, withoutResult } from "../runs/index.ts"

/** Returns the first bytes of a file as text. The file may be endless. */
const beginningOf = async (file: string, bytes: number): Promise<string> => {
  const parts: Array<Uint8Array> = []
  for await (const part of createReadStream(file, { end: bytes - 1 })) parts.push(part)
  return Buffer.concat(parts).toString()
}

/** Returns the case of a replay file, which stores all options that decide its size. */
const caseOf = ({ options, without }: ReplayRequest) =>
  Effect.gen(function* () {
    const text = (name: string): string => `${options[name] ?? ""}`
    const size: ShrinkCase = {
      topology: yield* Topology.parse(text("topology")),
      workersPerCgroup: yield* Settings.wholeNumber("workers", text("workers"), 1, 4096),
      durationMs: yield* Settings.durationMs("duration", text("duration")),
      without
    }
    return size
  })

const outcomeOf = ({ details, outcome }: Pick<RunResult, "details" | "outcome">): string =>
  details[0] === undefined ? outcome : `${outcome}: ${details[0]}`

/**
 * Runs the case of a replay file again. Returns 0 if every run was the same, otherwise 1.
 *
 * @since 0.1.0
 * @category commands
 */
export const replay = (invocation: Extract<Invocation, { command: "replay" }>, io: CommandIo) =>
  Effect.gen(function* () {
    const { values, args } = invocation
    const [file] = args
    if (file === undefined)
      return yield* new UsageError({
        message: "ktstr replay needs a replay file: the replay.json of a failed run, or a file of ktstr explore"
      })
    const times = values.times === undefined ? 1 : yield* Settings.wholeNumber("--times", values.times, 1, 1000)
    yield* oneKernel("replay", values.kernel)
    if (values.trace !== undefined) yield* writableFolder("--trace", values.trace)
    const text = yield* Effect.tryPromise({
      try: () => beginningOf(file, replayLimit + 1),
      catch: (error) =>
        new UsageError({ message: `can't read ${file}: ${error instanceof Error ? error.message : error}` })
    })
    const then = yield* parseReplay(text, file)
    const { request } = then
    const plugins = yield* loadPlugins(process.cwd())
    return yield* Effect.gen(function* () {
      const options = { ...optionsOfReplay(request), ...(values.kernel === undefined ? {} : { kernel: values.kernel }) }
      const runs = yield* request.test === undefined
        ? makeSeedRuns("replay", request.scenario, options, io)
        : makeTestRuns("replay", request.test, { ...noOptions, kernel: options.kernel }, io)
      const size = yield* caseOf(request)
      let matched = 0
      const seen: Array<{
        eventHash: string | null
        outcome: string
        cause: string | null
        changed: ReadonlyArray<string>
      }> = []
      for (let time = 0; time < times; time++) {
        const result = yield* runs.run(size, request.seed)
        const { determinism } = result
        const now = determinism?.ingredients
        const changed = now ? changedIngredients(then.ingredients, now) : []
        const same = determinism?.eventHash === then.eventHash
        if (same) matched++
        const cause = failureCause(result) ?? null
        seen.push({ eventHash: determinism?.eventHash ?? null, outcome: result.outcome, cause, changed })
        if (values.json) continue
        const what = `${runs.name}, seed ${request.seed}`
        const lines = same
          ? [`MATCHED ${what}: ${outcomeOf(result)}`, ...changed.map((line) => `  though ${line}`)]
          : [
              `DIFFERS ${what}: ${outcomeOf(result)}`,
              `  it was ${outcomeOf(then)}`,
              ...(cause === then.cause && cause !== null ? ["  the cause is the same, the run is not"] : []),
              ...(changed.length > 0
                ? changed.map((line) => `  ${line}`)
                : ["  no ingredient has changed, so the host influenced the guest; please report this"])
            ]
        yield* io.out.write(`${lines.join("\n")}\n`)
      }
      if (values.trace !== undefined) {
        const traced = yield* runs.run(size, request.seed, resolve(values.trace))
        const cause = failureCause(traced) ?? null
        const schedule = traced.determinism?.scheduleHash ?? null
        // A guest that died early has no hash to compare.
        const same = schedule !== null && schedule === then.scheduleHash
        yield* io.err.write(
          [
            `traced: ${outcomeOf(traced)}`,
            same
              ? "  tracing did not change the schedule"
              : `  tracing takes instructions and has changed the run${cause === then.cause ? ", but not its outcome" : ""}`,
            `  ${values.trace}/console.log, ${values.trace}/trace.txt (https://ui.perfetto.dev opens it)`,
            ""
          ].join("\n")
        )
      }
      if (times > 1 && !values.json) yield* io.out.write(`${matched} of ${times} matched\n`)
      if (values.json) {
        const { eventHash, outcome } = then
        yield* io.out.write(
          `${JSON.stringify({ file, eventHash, outcome, matched, times, runs: seen }, undefined, 2)}\n`
        )
      }
      return matched === times ? ExitCode.pass : ExitCode.fail
    }).pipe(
      Effect.scoped,
      withoutResult(io),
      Effect.provide(layerHarness({ backend: "qemu-tcg", fork: values.fork, plugins }))
    )
  })
