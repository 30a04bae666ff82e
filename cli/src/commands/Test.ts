/**
 * `ktstr test`: runs the tests in `*.ktstr.ts` files with the user's vitest.
 *
 * @since 0.1.0
 */
import { existsSync } from "node:fs"
import { relative, resolve } from "node:path"
import { ExitCode, type RunResult, SessionEnd } from "@ktstr/core"
import { oneLine, suggestion } from "@ktstr/core/base"
import { printable } from "@ktstr/core/protocol"
import { exitCodeOfResults, openReporter, type ReporterSession, type SessionError } from "@ktstr/core/report"
import { layerKernels, layerRegistries, loadPlugins } from "@ktstr/harness"
import { resultFromJson } from "@ktstr/reporters"
import { ktstr } from "@ktstr/vitest/plugin"
import { Effect } from "effect"
import type { Reporter, TestCase, Vitest } from "vitest/node"
import { chosenKernels } from "../choose/index.ts"
import type { CommandIo } from "../io/index.ts"
import { type Invocation, Settings, UsageError } from "../parse/index.ts"
import {
  hearProgress,
  kernelWord,
  loadVitest,
  makeTestScreen,
  openVitest,
  stoppable,
  type TestScreen,
  vitestFailed
} from "../runs/index.ts"
import { isVerbose, reporterNamed } from "./Run.ts"

/** Collects the outcomes of a run's tests. */
interface Tally {
  readonly results: Array<RunResult>
  /** Failed without a result: the codes of their errors, 1 where the test's own code threw. */
  readonly errors: Array<SessionError>
  ran: number
  /** Of all tests, those that the filter leaves out included. */
  readonly names: Set<string>
}

const collect = (tally: Tally, onResult: (result: RunResult) => Promise<void>): Reporter => ({
  onTestCaseResult: async (test: TestCase) => {
    const { ktstr: meta } = test.meta()
    const { state, errors } = test.result()
    if (state !== "skipped") tally.ran++
    tally.names.add(test.fullName)
    if (meta !== undefined && "result" in meta) {
      const result = resultFromJson(meta.result)
      tally.results.push(result)
      await onResult(result)
    }
    const failedOtherwise =
      state === "failed" && !(meta !== undefined && "result" in meta && meta.result.outcome !== "pass")
    if (failedOtherwise) {
      const message = meta !== undefined && "error" in meta ? meta.error : (errors?.[0]?.message ?? "failed")
      const exitCode = meta !== undefined && "error" in meta ? meta.exitCode : ExitCode.fail
      tally.errors.push({ name: test.fullName, message, exitCode })
    }
  },
  // A file that does not load has no tests of its own.
  onTestRunEnd: (modules, unhandled) => {
    for (const module of modules) {
      for (const { message } of module.errors()) {
        tally.errors.push({ name: relative(process.cwd(), module.moduleId), message, exitCode: ExitCode.usage })
      }
    }
    for (const { message } of unhandled) {
      tally.errors.push({ name: "an error outside every test", message: message ?? "failed", exitCode: ExitCode.fail })
    }
  }
})

/** Returns whether vitest's pattern selects a test: vitest matches it against the names of suites and test, joined by blanks. */
const selectedBy = (pattern: string) => {
  const expression = new RegExp(pattern)
  return (fullName: string): boolean => expression.test(fullName.replaceAll(" > ", " "))
}

const interruptedAfter = (done: number): string => `interrupted: ${done} ${done === 1 ? "test was" : "tests were"} done`

/** Reports how many tests were done, and the progress of those that were running. An uncaught error is printed when the command ends instead. */
const interrupted = (
  tally: Tally,
  screen: TestScreen | undefined,
  session: ReporterSession | undefined,
  io: CommandIo
): Effect.Effect<void> => {
  const done = screen?.done().length ?? tally.results.length + tally.errors.length
  const phases = screen?.phases() ?? []
  const stray = io.stray?.()
  const message = stray ?? [interruptedAfter(done), ...phases].join("; ")
  return Effect.gen(function* () {
    if (screen !== undefined) yield* screen.end
    if (session !== undefined) {
      const end = stray === undefined ? SessionEnd.Interrupted : SessionEnd.Failed
      yield* session.onEnd(tally.results, end({ scenario: "", message, exitCode: io.signalled() }))
    }
    if (stray === undefined) yield* io.err.write(`ktstr: ${message}\n`)
  })
}

/** A failed check outweighs what kept other tests from a result. */
const exitCodeOf = (tally: Tally, vitest: Vitest): number => {
  const code = exitCodeOfResults(tally.results)
  if (code === ExitCode.fail) return code
  const [first] = tally.errors
  if (first !== undefined)
    return tally.errors.some((error) => error.exitCode === ExitCode.fail) ? ExitCode.fail : first.exitCode
  // A file that does not load fails without any test of ours.
  const broken = vitest.state.getUnhandledErrors().length > 0 || vitest.state.getFailedFilepaths().length > 0
  return broken && code === ExitCode.pass ? ExitCode.fail : code
}

/** Returns the regular expression of an option, or an error if it is not a valid one. */
const checkedPattern = (option: string, pattern: string): Effect.Effect<string, UsageError> =>
  Effect.try({
    try: () => new RegExp(pattern) && pattern,
    catch: (error) => new UsageError({ message: `${option} '${pattern}': ${messageOf(error)}` })
  })

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** vitest compares with the names of suites and test, a blank between. */
const unmatched = (filter: string, { names }: Tally): UsageError | undefined => {
  const pattern = new RegExp(filter)
  const all = [...names]
  if (all.some((name) => pattern.test(name.replaceAll(" > ", " ")))) return undefined
  const known = all.map((name) => name.replace(/(^|.* > )ktstr\//, ""))
  return new UsageError({
    message: `no test matches --filter '${filter}'${suggestion(filter, known)} (--pass-with-no-tests: that is no error)`
  })
}

/** `./a.ktstr.ts` as vitest filters: parts of absolute paths. A path that leads nowhere is a mistake, not an empty filter. */
const filtersOf = (files: ReadonlyArray<string>) =>
  Effect.forEach(files, (file) => {
    const path = resolve(file)
    if (existsSync(path)) return Effect.succeed(relative(process.cwd(), path) || ".")
    return file.startsWith(".") || file.startsWith("/")
      ? Effect.fail(new UsageError({ message: `no such file or directory: ${file}` }))
      : Effect.succeed(file)
  })

/**
 * Runs the tests on every chosen kernel and returns the exit code of the results.
 *
 * @since 0.1.0
 * @category commands
 */
export const test = (invocation: Extract<Invocation, { command: "test" }>, streams: CommandIo) => {
  const { values, args, rest } = invocation
  const io = { ...streams, verbose: isVerbose(values) }
  // What an interruption says, from inside the scope of what it needs if there is any yet.
  let atInterrupt = Effect.suspend(() =>
    io.stray?.() === undefined ? io.err.write(`ktstr: ${interruptedAfter(0)}\n`) : Effect.void
  )
  const sayInterrupted = Effect.suspend(() => {
    const say = atInterrupt
    atInterrupt = Effect.void
    return say
  })
  return Effect.gen(function* () {
    const schedulerSha256 = yield* Settings.schedulerHash(values["scheduler-hash"])
    const seed = (yield* Settings.seed(values.seed)) ?? 0
    const filters = yield* filtersOf(args)
    const plugins = yield* loadPlugins(process.cwd())
    const format = values.format ?? "pretty"
    const {
      determinism,
      reporter,
      vmm: { name: vmm }
    } = yield* Effect.gen(function* () {
      const backend = yield* Settings.backend(values.vmm)
      const determinism = yield* Settings.determinism(values.clock, seed, { backend, host: false })
      return { determinism, reporter: yield* reporterNamed(format), vmm: backend }
    }).pipe(Effect.provide(layerRegistries(plugins)))
    if (determinism === undefined && values.seed !== undefined) {
      return yield* new UsageError({
        message:
          "--seed names a run of --clock deterministic: give both (the seed of a test's own choices is its option)"
      })
    }
    const { createVitest, parseCLI } = yield* loadVitest
    const kernels = yield* Effect.provide(chosenKernels(values.kernel, values.yes, io), layerKernels(plugins))
    const { filter, options } = yield* Effect.try({
      try: () => parseCLI(["vitest", "run", ...filters.filter((path) => path !== "."), ...rest]),
      catch: (error) => new UsageError({ message: `vitest: ${messageOf(error)}` })
    })
    // vitest calls them by both names.
    const {
      reporter: named,
      reporters: several = named,
      ...others
    } = options as typeof options & {
      readonly reporter?: typeof options.reporters
    }
    const reporters = [several ?? []].flat()
    const config = typeof others.config === "string" ? resolve(others.root ?? ".", others.config) : undefined
    if (config !== undefined && !existsSync(config)) {
      return yield* new UsageError({ message: `vitest: no such configuration: ${config}` })
    }
    return yield* Effect.scoped(
      Effect.gen(function* () {
        const tally: Tally = { results: [], errors: [], ran: 0, names: new Set() }
        // Who asks vitest for a reporter of its has that one.
        const ours = format === "pretty" && reporters.length === 0
        const session = format === "pretty" ? undefined : yield* openReporter(reporter, io)
        const pattern =
          values.filter === undefined
            ? yield* checkedPattern("-t", options.testNamePattern === undefined ? "" : `${options.testNamePattern}`)
            : yield* checkedPattern("--filter", values.filter)
        const screen = ours
          ? yield* makeTestScreen(io, {
              selected: selectedBy(pattern),
              demos: values.demos,
              words: [
                ...kernels.flatMap((kernel) => ["--kernel", kernelWord(kernel)]),
                ...(vmm === "auto" ? [] : ["--vmm", vmm]),
                ...(determinism === undefined ? [] : ["--clock", "deterministic", "--seed", `${seed}`]),
                ...(values.demos ? ["--demos"] : [])
              ]
            })
          : undefined
        atInterrupt = Effect.suspend(() => interrupted(tally, screen, session, io))
        const progress = screen === undefined ? undefined : yield* hearProgress(screen.onProgress)
        const collector = collect(tally, (result) => {
          if (result.outcome === "fail") io.checkFailed?.()
          return session === undefined ? Promise.resolve() : Effect.runPromise(session.onResult(result))
        })
        const vitest = yield* openVitest(
          (vite) =>
            createVitest(
              "test",
              {
                // The project's own configuration is for its other tests; one can be named after --.
                config: false,
                ...others,
                watch: false,
                run: true,
                reporters: [...(screen === undefined ? [] : [screen.reporter]), ...reporters, collector],
                ...(values.filter === undefined ? {} : { testNamePattern: values.filter })
              },
              {
                ...vite,
                plugins: [
                  ktstr({
                    resolved: kernels,
                    vmm,
                    determinism,
                    demos: values.demos,
                    schedulerSha256,
                    progress,
                    verbose: io.verbose,
                    rerun: { words: [], rest }
                  })
                ]
              },
              // Standard output is our format's alone; what reporters behind -- print goes to standard error.
              session === undefined ? {} : { stdout: process.stderr }
            ),
          config
        )
        const found = yield* Effect.tryPromise({
          try: () => vitest.globTestSpecifications(filter),
          catch: vitestFailed
        })
        if (found.length === 0) {
          if (values["pass-with-no-tests"]) return ExitCode.pass
          const where = args.length > 0 ? `matches ${args.join(", ")}` : "is below this directory"
          return yield* new UsageError({ message: `no *.ktstr.ts file ${where}` })
        }
        yield* stoppable(vitest, () => vitest.start(filter), screen?.stop)
        atInterrupt = Effect.void
        const nothing =
          pattern === "" || values["pass-with-no-tests"] || tally.errors.length > 0
            ? undefined
            : unmatched(pattern, tally)
        if (nothing !== undefined) return yield* nothing
        for (const { name, message } of session === undefined ? [] : tally.errors) {
          yield* io.err.write(`ktstr: ${printable(name)}: ${printable(oneLine(message))}\n`)
        }
        if (screen !== undefined) yield* screen.end
        if (session !== undefined) yield* session.onEnd(tally.results, SessionEnd.Complete({ errors: tally.errors }))
        return exitCodeOf(tally, vitest)
      }).pipe(Effect.onInterrupt(() => sayInterrupted))
    )
  }).pipe(Effect.onInterrupt(() => sayInterrupted))
}
