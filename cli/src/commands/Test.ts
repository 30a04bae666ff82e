/**
 * `ktstr test`: the tests in `*.ktstr.ts` files, by the user's vitest.
 *
 * @since 0.1.0
 */
import { existsSync } from "node:fs"
import { relative, resolve } from "node:path"
import { ExitCode, exitCodeOfResults, openReporter, type RunResult, SessionEnd } from "@ktstr/core"
import { resultFromJson } from "@ktstr/reporters"
import { layerKernels, layerRegistries, loadPlugins } from "@ktstr/vitest/defaults"
import { ktstr } from "@ktstr/vitest/plugin"
import { Effect } from "effect"
import type { Reporter, TestCase, Vitest } from "vitest/node"
import type { Invocation } from "../Arguments.ts"
import type { CommandIo } from "../CommandIo.ts"
import { chosenKernels } from "../KernelChoice.ts"
import * as Settings from "../Settings.ts"
import { UsageError } from "../UsageError.ts"
import { loadVitest, openVitest, stoppable } from "../VitestSession.ts"
import { reporterNamed } from "./Run.ts"

/** What the tests of a run came to. */
interface Tally {
  readonly results: Array<RunResult>
  /** Failed without a result: the codes of their errors, 1 where the test's own code threw. */
  readonly errors: Array<{ readonly name: string; readonly message: string; readonly exitCode: number }>
  ran: number
}

const collect = (tally: Tally, onResult: (result: RunResult) => Promise<void>): Reporter => ({
  onTestCaseResult: async (test: TestCase) => {
    const { ktstr: meta } = test.meta()
    const { state, errors } = test.result()
    if (state !== "skipped") tally.ran++
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
  }
})

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
 * @since 0.1.0
 * @category commands
 */
export const test = (invocation: Extract<Invocation, { command: "test" }>, io: CommandIo) =>
  Effect.gen(function* () {
    const { values, args, rest } = invocation
    const vmm = yield* Settings.backend(values.vmm)
    const seed = (yield* Settings.seed(values.seed)) ?? 0
    const determinism = yield* Settings.determinism(values.clock, seed, { backend: vmm, host: false })
    if (determinism === undefined && values.seed !== undefined) {
      return yield* new UsageError({
        message:
          "--seed names a run of --clock deterministic: give both (the seed of a test's own choices is its option)"
      })
    }
    const filters = yield* filtersOf(args)
    const plugins = yield* loadPlugins(process.cwd())
    const format = values.format ?? "pretty"
    const { createVitest, parseCLI } = yield* loadVitest
    const reporter = yield* Effect.provide(reporterNamed(format), layerRegistries(plugins))
    const kernels = yield* Effect.provide(chosenKernels(values.kernel, values.yes, io), layerKernels)
    const { filter, options } = yield* Effect.try({
      try: () => parseCLI(["vitest", "run", ...filters.filter((path) => path !== "."), ...rest]),
      catch: (error) => new UsageError({ message: `vitest: ${error instanceof Error ? error.message : String(error)}` })
    })
    return yield* Effect.scoped(
      Effect.gen(function* () {
        const tally: Tally = { results: [], errors: [], ran: 0 }
        // vitest's own reporter tells people more than ours could; the other formats are ours.
        const session = format === "pretty" ? undefined : yield* openReporter(reporter, io)
        const collector = collect(tally, (result) =>
          session === undefined ? Promise.resolve() : Effect.runPromise(session.onResult(result))
        )
        const vitest = yield* openVitest(() =>
          createVitest(
            "test",
            {
              // The project's own configuration is for its other tests; one can be named after --.
              config: false,
              ...options,
              watch: false,
              run: true,
              reporters: session === undefined ? [...[options.reporters ?? "default"].flat(), collector] : [collector],
              ...(values.filter === undefined ? {} : { testNamePattern: values.filter })
            },
            { plugins: [ktstr({ resolved: kernels, vmm, determinism, demos: values.demos })] }
          )
        )
        const found = yield* Effect.promise(() => vitest.globTestSpecifications(filter))
        if (found.length === 0) {
          const where = args.length > 0 ? `matches ${args.join(", ")}` : "is below this directory"
          return yield* new UsageError({ message: `no *.ktstr.ts file ${where}` })
        }
        yield* stoppable(vitest, () => vitest.start(filter))
        for (const { name, message } of session === undefined ? [] : tally.errors) {
          yield* io.err.write(`ktstr: ${name}: ${message}\n`)
        }
        if (session !== undefined) yield* session.onEnd(tally.results, SessionEnd.Complete())
        return exitCodeOf(tally, vitest)
      })
    )
  })
