/**
 * Shows the progress of `ktstr test`: one line for a test that passed or was skipped, at most a screen for one that failed, and at the end the counts
 * and the causes.
 *
 * @since 0.2.0
 */
import { relative, sep } from "node:path"
import type { ReporterOutput, RunEvent, RunResult } from "@ktstr/core"
import { shellLine } from "@ktstr/core/run"
import {
  advance,
  type Ended,
  endedOf,
  makeLive,
  type Progress,
  printable,
  renderResult,
  renderSummary,
  renderVerdict,
  resultFromJson,
  styled
} from "@ktstr/reporters"
import { Effect, Fiber, Schedule } from "effect"
import type { Reporter, TestCase, TestModule, TestSuite } from "vitest/node"

/** Time between two lines about a running test if standard error is no terminal. */
const heartbeatMs = 30_000

/** Limits the lines of an error without a result: vitest's diff, or a long message. */
const maxErrorLines = 25

const below = (path: string): string => relative(process.cwd(), path).split(sep).join("/") || path

/** The parts of an error from vitest that are shown. */
interface ShownError {
  readonly message?: string | undefined
  readonly stack?: string | undefined
  readonly diff?: string | undefined
}

/** Returns `file:line:column` of the first stack frame in the test's file. */
const siteOf = (error: ShownError | undefined, file: string): string | undefined => {
  for (const line of (error?.stack ?? "").split("\n")) {
    const found = /(?:\(|at |^\s*)(?:file:\/\/)?(\/[^()]*?):(\d+):(\d+)\)?\s*$/.exec(line)
    if (found !== null && found[1] === file) return `${below(file)}:${found[2]}:${found[3]}`
  }
  return undefined
}

const linesOf = ({ diff, message = "" }: ShownError, full: boolean): ReadonlyArray<string> => {
  const all = [...message.split("\n"), ...(diff === undefined ? [] : diff.split("\n"))].map(printable)
  const lines = all.filter((line, index) => index === 0 || line.trim() !== "")
  return full || lines.length <= maxErrorLines
    ? lines
    : [...lines.slice(0, maxErrorLines), `… ${lines.length - maxErrorLines} more lines with --verbose`]
}

/**
 * Makes a vitest reporter that prints results as they arrive.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeTestScreen = (
  io: ReporterOutput,
  options: {
    readonly selected: (fullName: string) => boolean
    readonly demos: boolean
    /** Options that the command for a rerun repeats. */
    readonly words: ReadonlyArray<string>
  }
) =>
  Effect.gen(function* () {
    const { err, out } = io
    const full = io.verbose === true
    const rendering = { color: out.color, columns: out.terminal ? out.columns : undefined, full }
    const style = styled(out.color)
    const live = makeLive(err)
    const running = new Map<string, { progress: Progress | undefined; began: number; notedAt: number }>()
    const over = new Set<string>()
    const ended: Array<Ended> = []
    const warned = new Set<string>()
    let unselected = 0
    let stopped: ReadonlyArray<string> | undefined
    const print = (text: string) => Effect.zipRight(live.clear, out.write(text))
    const note = (text: string) => Effect.zipRight(live.clear, err.write(`${text}\n`))
    const warn = (text: string) =>
      Effect.suspend(() => {
        if (warned.has(text)) return Effect.void
        warned.add(text)
        return note(`${styled(err.color)("warning:", "yellow")} ${printable(text)}`)
      })
    const shown = () => [...running.values()].flatMap(({ progress }) => (progress === undefined ? [] : [progress]))
    const beat = (now: number) =>
      Effect.forEach(
        [...running.values()],
        (one) => {
          if (one.progress === undefined || now - one.notedAt < heartbeatMs) return Effect.void
          one.notedAt = now
          return note(`${printable(one.progress.scenario)}: ${printable(one.progress.text)}`)
        },
        { discard: true }
      )
    const tick = Effect.suspend(() => {
      const now = Date.now()
      if (stopped !== undefined) return Effect.void
      return err.terminal ? live.draw(shown(), now) : beat(now)
    })
    const ticking = yield* Effect.forkScoped(Effect.repeat(tick, Schedule.spaced("100 millis")))
    yield* Effect.addFinalizer(() => live.clear)

    const wrong = (
      name: string,
      error: ShownError | undefined,
      site: string | undefined,
      rerun: ReadonlyArray<string>
    ) => {
      const [first = "failed", ...rest] = linesOf(error ?? { message: "failed" }, full)
      ended.push({ name, outcome: "fail", cause: first, kind: first.replaceAll(/\d+/g, "#") })
      return print(
        [
          `${style("FAIL", "bold", "red")} ${style(printable(name), "bold")}: ${first}`,
          ...rest.map((line) => `  ${line}`),
          ...(site === undefined ? [] : [`  at ${site}`]),
          ...(rerun.length === 0 ? [] : [`  run it again: ${shellLine(rerun)}`]),
          ""
        ].join("\n")
      )
    }
    const again = (module: TestModule, name?: string): ReadonlyArray<string> => [
      "ktstr",
      "test",
      below(module.moduleId),
      ...(name === undefined
        ? []
        : ["--filter", `^${name.replaceAll(" > ", " ").replace(/[\\^$.|?*+()[\]{}]/g, "\\$&")}$`]),
      ...options.words
    ]
    const shortName = (fullName: string): string => fullName.replace(/(^| > )ktstr\//, "$1")
    const withResult = (result: RunResult, test: TestCase) => {
      ended.push(endedOf(result))
      if (result.outcome === "pass" || result.outcome === "skip") return print(renderVerdict(result, rendering))
      const error = test.result().errors?.[0]
      const at = siteOf(error, test.module.moduleId)
      return print(renderResult(result, { ...rendering, warnings: true, at }))
    }
    const onCase = (test: TestCase): Effect.Effect<void> => {
      const { fullName } = test
      // A test that the interrupt ended has no result.
      if (stopped !== undefined) return Effect.void
      running.delete(fullName)
      over.add(fullName)
      const { ktstr: meta } = test.meta()
      const { errors, state } = test.result()
      if (meta !== undefined && "result" in meta) {
        const result = resultFromJson(meta.result)
        const failedOtherwise = state === "failed" && result.outcome === "pass"
        return Effect.zipRight(
          withResult(result, test),
          failedOtherwise
            ? wrong(shortName(fullName), errors?.[0], siteOf(errors?.[0], test.module.moduleId), [])
            : Effect.void
        )
      }
      if (state === "failed") {
        const error = meta !== undefined && "error" in meta ? { ...errors?.[0], message: meta.error } : errors?.[0]
        return wrong(
          shortName(fullName),
          error,
          siteOf(errors?.[0], test.module.moduleId),
          again(test.module, fullName)
        )
      }
      const name = shortName(fullName)
      if (state === "passed") {
        ended.push({ name, outcome: "pass", cause: "", kind: "" })
        return print(`${style("PASS", "bold", "green")} ${style(printable(name), "bold")}\n`)
      }
      if (state !== "skipped") return Effect.void
      if (!options.selected(fullName)) {
        unselected++
        return Effect.void
      }
      const { note: skipNote } = test.result() as { readonly note?: string | undefined }
      const demo = name.split("/").some((part) => part.startsWith("demo_")) && !options.demos
      const cause = skipNote ?? (demo ? "a demonstration, run with --demos" : "skipped in its file")
      ended.push({ name, outcome: "skip", cause, kind: cause })
      return print(`${style("SKIP", "bold", "yellow")} ${style(printable(name), "bold")}: ${printable(cause)}\n`)
    }
    const loaded = new Set<string>()
    /** Reports a file's errors once: vitest gives some at the file's end and others at the end of the run. */
    const onModule = (module: TestModule) =>
      Effect.suspend(() => {
        if (loaded.has(module.moduleId)) return Effect.void
        loaded.add(module.moduleId)
        return onErrors(below(module.moduleId), module.errors(), module)
      })
    const onErrors = (name: string, errors: ReadonlyArray<ShownError>, module: TestModule) =>
      stopped !== undefined
        ? Effect.void
        : Effect.forEach(errors, (error) => wrong(name, error, siteOf(error, module.moduleId), again(module)), {
            discard: true
          })

    const reporter: Reporter = {
      onTestCaseReady: (test) => {
        if (!running.has(test.fullName))
          running.set(test.fullName, { progress: undefined, began: Date.now(), notedAt: Date.now() })
      },
      onTestCaseResult: (test) => Effect.runPromise(onCase(test)),
      onTestSuiteResult: (suite: TestSuite) =>
        Effect.runPromise(onErrors(shortName(suite.fullName), suite.errors(), suite.module)),
      onTestModuleEnd: (module) => Effect.runPromise(onModule(module)),
      onTestRunEnd: (modules, unhandled) =>
        Effect.runPromise(
          Effect.zipRight(
            Effect.forEach(modules, onModule, { discard: true }),
            Effect.forEach(
              stopped === undefined ? unhandled : [],
              (error) => wrong("an error outside every test", error as ShownError, undefined, []),
              { discard: true }
            )
          )
        ),
      onUserConsoleLog: ({ content, type }) =>
        Effect.runPromise(
          Effect.forEach(
            content.replace(/\n$/, "").split("\n"),
            (line) => {
              const warning = /^warning: (.*)$/.exec(line)
              return warning === null
                ? type === "stdout"
                  ? print(`${printable(line)}\n`)
                  : note(printable(line))
                : warn(warning[1] ?? "")
            },
            { discard: true }
          )
        )
    }
    return {
      reporter,
      onProgress: (test: string, event: RunEvent): Effect.Effect<void> =>
        Effect.suspend(() => {
          if (over.has(test)) return Effect.void
          const one = running.get(test) ?? { progress: undefined, began: Date.now(), notedAt: Date.now() }
          running.set(test, one)
          one.progress = advance(one.progress, event, Date.now())
          return Effect.void
        }),
      /** Ignores all results from now on. */
      stop: Effect.suspend(() => {
        stopped ??= shown().map(({ scenario, text }) => `${printable(scenario)}: ${printable(text)}`)
        return live.clear
      }),
      /** Returns the progress of the tests that were still running when everything was stopped. */
      phases: (): ReadonlyArray<string> => stopped ?? [],
      done: (): ReadonlyArray<Ended> => ended,
      end: Effect.gen(function* () {
        yield* Fiber.interrupt(ticking)
        yield* live.clear
        if (unselected > 0) yield* err.write(`${unselected} not selected by the filter\n`)
        yield* out.write(renderSummary(ended, rendering))
      })
    }
  })

export type TestScreen = Effect.Effect.Success<ReturnType<typeof makeTestScreen>>
