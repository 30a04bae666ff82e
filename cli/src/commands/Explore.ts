/**
 * `ktstr explore`: runs one scenario or test under many seeds.
 *
 * @since 0.1.0
 */
import { mkdir, writeFile } from "node:fs/promises"
import { join, relative } from "node:path"
import { ExitCode, type RunResult, Scenarios } from "@ktstr/core"
import { Exploration, type ExplorationSummary, type ShrinkCase, shrink } from "@ktstr/core/explore"
import { encodeReplay, failureCause, makeReplay, shellLine } from "@ktstr/core/run"
import { layerHarness, loadPlugins } from "@ktstr/harness"
import { Clock, Effect } from "effect"
import { oneKernel } from "../choose/index.ts"
import { breakingSilence, type CommandIo, writableFolder } from "../io/index.ts"
import { type Invocation, runSettings, Settings, UsageError } from "../parse/index.ts"
import { makeSeedRuns, makeTestRuns, type SeedOptions, type SeedRuns, withoutResult } from "../runs/index.ts"

/** Limits the runs spent on shrinking one failure. */
const shrinkLimit = 40

/** A smaller case interleaves differently, so this many seeds are tried to make it fail with the same cause. */
const seedsPerCase = 3

/** Records the replay files of one cause. */
interface Kept {
  readonly cause: string
  readonly seed: number
  readonly file: string
  readonly shrunk: { readonly case: ShrinkCase; readonly seed: number; readonly file: string } | null
}

const describeCase = ({ durationMs, topology, without, workersPerCgroup }: ShrinkCase): string =>
  `${topology}, ${workersPerCgroup} workers a cgroup, ${durationMs / 1000} s${without.length === 0 ? "" : `, without ops ${without.join(", ")}`}`

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`

const render = (name: string, summary: ExplorationSummary, kept: ReadonlyArray<Kept>): string => {
  const { ended, failed, failures, open, passed, runs, schedules } = summary
  const lines = failures.flatMap(({ cause, details, seeds }) => {
    const files = kept.find((one) => one.cause === cause)
    return [
      `${seeds.length} of ${runs}: ${details[0] ?? cause}`,
      `  seeds ${seeds.slice(0, 10).join(", ")}${seeds.length > 10 ? ` … ${seeds.length - 10} more` : ""}`,
      ...(files === undefined ? [] : [`  run it again: ${shellLine(["ktstr", "replay", files.file])}`]),
      ...(files?.shrunk
        ? [`  smallest: ${describeCase(files.shrunk.case)}: ${shellLine(["ktstr", "replay", files.shrunk.file])}`]
        : [])
    ]
  })
  const word = failed > 0 ? "FAIL" : open > 0 || passed === 0 ? "INCONCLUSIVE" : "PASS"
  const others = open > 0 ? `, ${open} inconclusive` : ""
  return [
    `${word} ${name}: ${passed} of ${runs} seeds passed, ${failed} failed${others} · ${counted(schedules, "distinct schedule")} of ${counted(ended, "run")} · virtual time`,
    ...lines,
    ""
  ].join("\n")
}

const write = (folder: string, name: string, text: string): Effect.Effect<string, UsageError> =>
  Effect.tryPromise({
    try: async () => {
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, name), text)
      return relative(process.cwd(), join(folder, name))
    },
    catch: (error) => new UsageError({ message: `--output ${folder} can't be written: ${error}` })
  })

/** Opens the scenario of that name, otherwise the test. */
const openRuns = (name: string, options: SeedOptions, jobs: number, io: CommandIo) =>
  Effect.gen(function* () {
    const names = (yield* Effect.flatMap(Scenarios, ({ list }) => list)).map((scenario) => scenario.name)
    return names.includes(name)
      ? yield* makeSeedRuns("explore", name, options, io)
      : yield* makeTestRuns("explore", name, options, io, { jobs, others: names })
  })

/** Writes the replay file of a run; returns undefined if the run has nothing to replay. */
const keep = (folder: string, runs: SeedRuns, size: ShrinkCase, seed: number, result: RunResult, name: string) => {
  const replay = makeReplay(runs.replayRequest(size, seed), result)
  return replay === undefined ? Effect.succeed(undefined) : write(folder, name, encodeReplay(replay))
}

/**
 * Runs every seed, writes a replay file per failure, and shrinks the first failure of each cause.
 *
 * @since 0.1.0
 * @category commands
 */
export const explore = (invocation: Extract<Invocation, { command: "explore" }>, io: CommandIo) =>
  Effect.gen(function* () {
    const { values, args } = invocation
    const name = args[0] ?? "steady"
    const [first, last] = yield* Settings.seedRange(values.seeds ?? "1..50")
    const jobs = values.jobs === undefined ? 1 : yield* Settings.wholeNumber("--jobs", values.jobs, 1, 256)
    yield* oneKernel("explore", values.kernel)
    yield* runSettings(values)
    yield* Settings.topology(values.topology, values.preset)
    const folder = values.output ?? join(".ktstr", "replays")
    yield* writableFolder("--output", folder)
    const plugins = yield* loadPlugins(process.cwd())
    return yield* Effect.gen(function* () {
      const exploration = new Exploration()
      const running = new Map<string, number>()
      const kept = new Map<string, Kept & { readonly result: RunResult }>()
      const count = last - first + 1
      const printLine = yield* breakingSilence(io.err, (now) => {
        const parts = [...running].map(([what, since]) => `${what} runs for ${Math.round((now - since) / 1000)} s`)
        return [
          ...(parts.length > 0 ? parts : ["preparing"]),
          `${exploration.summary.runs} of ${count} seeds done`
        ].join(" · ")
      })
      const timed = <A, E, R>(what: string, run: Effect.Effect<A, E, R>) =>
        Effect.acquireUseRelease(
          Effect.map(Clock.currentTimeMillis, (now) => running.set(what, now)),
          () => run,
          () => Effect.sync(() => running.delete(what))
        )
      const runs = yield* openRuns(name, values, jobs, io)
      const stem = name.replace(/[^\w.-]+/g, "_")
      let over = false
      const runOne = (seed: number) =>
        Effect.gen(function* () {
          if (over) return
          const result = yield* timed(`seed ${seed}`, runs.run(runs.from, seed))
          const failure = exploration.add(seed, result)
          const { failures, runs: done, schedules } = exploration.summary
          const outcome = failure === undefined ? result.outcome : `fail: ${result.details[0]}`
          yield* printLine(
            `seed ${seed}: ${outcome} · ${done} of ${count} · ${counted(schedules, "schedule")} · ${counted(failures.length, "cause")}`
          )
          if (failure === undefined) return
          io.checkFailed?.()
          const file = yield* keep(folder, runs, runs.from, seed, result, `${stem}-seed${seed}.json`)
          if (failure.first && file !== undefined) {
            kept.set(failure.cause, { cause: failure.cause, seed, file, shrunk: null, result })
          }
          if (values["until-fail"]) over = true
        })
      const seeds = Array.from({ length: count }, (_, index) => first + index)
      yield* Effect.forEach(seeds, runOne, { concurrency: jobs, discard: true })
      for (const one of values["no-shrink"] ? [] : kept.values()) {
        const attempt = (candidate: ShrinkCase) =>
          Effect.gen(function* () {
            for (let seed = one.seed; seed < one.seed + seedsPerCase; seed++) {
              const tried = yield* Effect.either(timed(`a smaller case with seed ${seed}`, runs.run(candidate, seed)))
              // A smaller case may be invalid: too few CPUs for a cpuset, or an op without its prerequisite.
              if (tried._tag === "Left") return undefined
              if (failureCause(tried.right) === one.cause) return { seed, result: tried.right }
            }
            return undefined
          }).pipe(
            Effect.tap((found) =>
              printLine(`smaller: ${describeCase(candidate)}: ${found === undefined ? "no" : `seed ${found.seed}`}`)
            )
          )
        const { found, smallest } = yield* shrink({ from: runs.from, ops: runs.ops, limit: shrinkLimit, attempt })
        if (found === undefined) continue
        const file = yield* keep(folder, runs, smallest, found.seed, found.result, `${stem}-seed${one.seed}-small.json`)
        if (file !== undefined) {
          kept.set(one.cause, { ...one, shrunk: { case: smallest, seed: found.seed, file } })
        }
      }
      const { summary } = exploration
      const files = [...kept.values()].map(({ result, ...rest }) => rest)
      const report = files.map(({ shrunk, ...rest }) => ({
        ...rest,
        shrunk: shrunk && { ...shrunk, case: { ...shrunk.case, topology: String(shrunk.case.topology) } }
      }))
      yield* io.out.write(
        values.json
          ? `${JSON.stringify({ scenario: runs.name, seeds: [first, last], ...summary, kept: report }, undefined, 2)}\n`
          : render(runs.name, summary, files)
      )
      return summary.failed > 0 ? ExitCode.fail : summary.open > 0 ? ExitCode.inconclusive : ExitCode.pass
    }).pipe(
      Effect.scoped,
      withoutResult(io),
      Effect.provide(layerHarness({ backend: "qemu-tcg", fork: !values["no-fork"], plugins }))
    )
  })
