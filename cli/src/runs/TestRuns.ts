/**
 * Runs one test of a `*.ktstr.ts` file deterministically, in workers of the user's vitest.
 *
 * @since 0.1.0
 */
import { relative, resolve, sep } from "node:path"
import { ExitCode, Topology } from "@ktstr/core"
import { oneLine, suggestion } from "@ktstr/core/base"
import type { ShrinkCase } from "@ktstr/core/explore"
import type { ResolvedKernel } from "@ktstr/core/kernel"
import { printable } from "@ktstr/core/protocol"
import { ReplayRequest } from "@ktstr/core/run"
import { resultFromJson } from "@ktstr/reporters"
import { type Explored, ktstr, type Provided } from "@ktstr/vitest/plugin"
import { Effect, Pool } from "effect"
import type { TestCase, Vitest } from "vitest/node"
import { chooseTest, chosenKernel, type DeclaredTest, describeTest, fileOf } from "../choose/index.ts"
import type { CommandIo } from "../io/index.ts"
import { UsageError } from "../parse/index.ts"
import { noOptions, type SeedOptions, type SeedRuns } from "./SeedRuns.ts"
import { TestRunError } from "./TestRunError.ts"
import { loadVitest, openVitest, stoppable } from "./VitestSession.ts"

/**
 * Prints why a test gave no result, and returns that error's exit code.
 *
 * @since 0.1.0
 * @category conversions
 */
export const withoutResult =
  (io: CommandIo) =>
  <A, E, R>(effect: Effect.Effect<A, E | TestRunError, R>): Effect.Effect<A | number, E, R> =>
    Effect.catchAll(effect, (error) =>
      error instanceof TestRunError
        ? Effect.as(io.err.write(`ktstr: ${printable(error.message)}\n`), error.exitCode)
        : Effect.fail(error)
    )

const provided = (kernel: ResolvedKernel, explored: Explored, seed: number): Provided => ({
  kernel: undefined,
  resolved: [kernel],
  vmm: "qemu-tcg",
  determinism: { seed },
  explored,
  // A demonstration that is named is meant to run.
  demos: true
})

/** Opens a vitest that runs one test at a time and prints nothing of its own. */
const openQuietly = (kernel: ResolvedKernel, io: CommandIo) =>
  Effect.gen(function* () {
    const { createVitest } = yield* loadVitest
    const quiet = {
      // Runs print their warnings there.
      onUserConsoleLog: ({ content, type }: { content: string; type: string }) =>
        type === "stderr" ? Effect.runPromise(io.err.write(content)) : undefined
    }
    const options = { config: false as const, watch: false, run: true, cache: false as const, reporters: [quiet] }
    const plugins = [ktstr({ resolved: [kernel], vmm: "qemu-tcg", determinism: { seed: 0 }, demos: true })]
    const vitest = yield* openVitest((vite) => createVitest("test", options, { ...vite, plugins }))
    yield* Effect.promise(() => vitest.init())
    return vitest
  })

const fileBelow = (path: string): string => relative(process.cwd(), path).split(sep).join("/")

/** Returns all tests, or those of one file, and why any file could not be read. */
const declaredTests = (vitest: Vitest, file: string | undefined) =>
  Effect.gen(function* () {
    const all = yield* Effect.promise(() => vitest.globTestSpecifications(file === undefined ? [] : [file]))
    if (file !== undefined && all.length === 0) {
      return yield* new UsageError({ message: `no *.ktstr.ts file matches ${file}` })
    }
    const { testModules } = yield* stoppable(vitest, () => vitest.collectTests(all))
    const broken = testModules.flatMap((module) =>
      module.errors().map(({ message }) => `${fileBelow(module.moduleId)}: ${oneLine(message)}`)
    )
    const tests = testModules.flatMap((module) =>
      [...module.children.allTests()].flatMap(({ fullName, name }): ReadonlyArray<DeclaredTest> => {
        return name.startsWith("ktstr/") ? [{ file: fileBelow(module.moduleId), name: fullName }] : []
      })
    )
    return { tests, broken }
  })

/** Returns a pattern for vitest, which matches it against the names of suites and test, joined by blanks. */
const patternOf = (name: string): RegExp => {
  const parts = name.split(" > ").map((part) => part.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&"))
  return new RegExp(`^${parts.join("(?: > | )")}$`)
}

/** Runs only this test. */
const runIn = (vitest: Vitest, test: DeclaredTest, kernel: ResolvedKernel, explored: Explored, seed: number) =>
  Effect.gen(function* () {
    const path = resolve(test.file)
    const failed = (message: string, exitCode: number = ExitCode.fail) =>
      new TestRunError({ message: `test '${describeTest(test)}': ${message}`, exitCode })
    const all = yield* Effect.promise(() => vitest.globTestSpecifications([path]))
    const matching = all.filter(({ moduleId }) => moduleId === path)
    if (matching.length === 0) {
      return yield* failed("there is no such file below this directory; run it where the tests are", ExitCode.usage)
    }
    vitest.provide("ktstr", provided(kernel, explored, seed))
    vitest.setGlobalTestNamePattern(patternOf(test.name))
    const { testModules, unhandledErrors } = yield* stoppable(vitest, () => vitest.runTestSpecifications(matching))
    const broken = [...testModules.flatMap((module) => module.errors()), ...unhandledErrors]
    const [first] = broken
    const called = testModules.flatMap((module) => [...module.children.allTests()])
    const [one, another] = called.filter(({ fullName }) => fullName === test.name)
    if (one === undefined) {
      const why = typeof first === "object" && first !== null && "message" in first ? String(first.message) : undefined
      return yield* failed(why ?? "there is no such test in this file", why === undefined ? ExitCode.usage : undefined)
    }
    if (another !== undefined) return yield* failed("there are two of that name; rename one", ExitCode.usage)
    return yield* metaOf(one, failed)
  })

const metaOf = (one: TestCase, failed: (message: string, exitCode?: number) => TestRunError) => {
  const { ktstr: meta } = one.meta()
  if (meta !== undefined && !("error" in meta)) return Effect.succeed(meta)
  if (meta !== undefined) return Effect.fail(failed(meta.error, meta.exitCode))
  const result = one.result()
  if (result.state === "skipped") return Effect.fail(failed(`is skipped: ${result.note ?? "its file says so"}`))
  return Effect.fail(failed(result.errors?.[0]?.message ?? "it ended without a result"))
}

/** Returns the given options that a test sets itself. */
const ownOptions = (options: SeedOptions): ReadonlyArray<string> =>
  (Object.keys(noOptions) as ReadonlyArray<keyof SeedOptions>).flatMap((name) => {
    const value = options[name]
    const given = Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false
    return given && name !== "kernel" ? [`--${name}`] : []
  })

/**
 * Looks up the test, asks for its size, and keeps up to `jobs` workers. `others` are names of scenarios to suggest.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeTestRuns = Effect.fn("TestRuns.make")(function* (
  command: "explore" | "replay",
  wanted: string | DeclaredTest,
  options: SeedOptions,
  io: CommandIo,
  { jobs = 1, others = [] }: { readonly jobs?: number; readonly others?: ReadonlyArray<string> } = {}
) {
  const [given] = ownOptions(options)
  if (given !== undefined) {
    const name = typeof wanted === "string" ? wanted : describeTest(wanted)
    return yield* new UsageError({
      message: `${given} is for scenarios; '${name}' is none${suggestion(name, others) || ", and a test says so in its file"}`
    })
  }
  const kernel = yield* chosenKernel(command, options.kernel, false, io)
  const pool = yield* Pool.makeWithTTL({
    acquire: openQuietly(kernel, io),
    min: 1,
    max: jobs,
    timeToLive: "1 hour"
  })
  const withVitest = <A, E, R>(use: (vitest: Vitest) => Effect.Effect<A, E, R>) =>
    Effect.scoped(Effect.flatMap(pool.get, use))
  const choose = (name: string) =>
    Effect.gen(function* () {
      const { broken, tests } = yield* withVitest((vitest) => declaredTests(vitest, fileOf(name)))
      return yield* Effect.mapError(chooseTest(name, tests, others), ({ message }) => {
        return new UsageError({ message: [message, ...broken].join("; ") })
      })
    })
  const test = typeof wanted === "string" ? yield* choose(wanted) : wanted
  const meta = yield* withVitest((vitest) => runIn(vitest, test, kernel, { describe: true }, 0))
  if (!("size" in meta)) {
    const message = `'${describeTest(test)}' does not report its size: install @ktstr/vitest of this version`
    return yield* new TestRunError({ message, exitCode: ExitCode.missing })
  }
  const { durationMs, ops, workersPerCgroup } = meta.size
  const topology = yield* Topology.parse(meta.size.topology)
  const kernelName = options.kernel ?? kernel.key ?? kernel.image
  const sizeOf = (size: ShrinkCase) => ({ ...size, topology: String(size.topology) })
  const runs: SeedRuns = {
    name: describeTest(test),
    from: { topology, workersPerCgroup, durationMs, without: [] },
    ops,
    run: (size, seed, trace) =>
      withVitest((vitest) => runIn(vitest, test, kernel, { smaller: sizeOf(size), trace }, seed)).pipe(
        Effect.flatMap((ran) =>
          "result" in ran
            ? Effect.succeed(resultFromJson(ran.result))
            : new TestRunError({ message: `'${describeTest(test)}' gave no result`, exitCode: ExitCode.internal })
        )
      ),
    replayRequest: (size, seed) =>
      ReplayRequest.make({
        scenario: test.name.replace(/(^|.* > )ktstr\//, ""),
        test: { file: test.file, name: test.name },
        seed,
        without: [...size.without],
        options: {
          kernel: kernelName.includes("/") ? resolve(kernelName) : kernelName,
          topology: String(size.topology),
          workers: `${size.workersPerCgroup}`,
          duration: `${size.durationMs / 1000}`
        }
      })
  }
  return runs
})
