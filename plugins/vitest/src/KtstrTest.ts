/**
 * `ktstrTest`: a test of a scheduler as a test of vitest.
 *
 * @since 0.1.0
 */

import { type KtstrTestOptions, type RunResult, KtstrTest as Test } from "@ktstr/core"
import { kernelLabel } from "@ktstr/core/kernel"
import { exitCodeOfError } from "@ktstr/core/report"
import type { ScenarioInput } from "@ktstr/core/test"
import { type ResultJson, renderResult, resultToJson } from "@ktstr/reporters"
import { Either } from "effect"
import { afterAll, inject, type RunnerTestCase, test } from "vitest"
import type { DeclaredSize } from "./Explored.ts"
import { type Harness, makeHarness } from "./Harness.ts"

/**
 * The value of `task.meta.ktstr`, for reporters.
 *
 * @since 0.1.0
 * @category models
 */
export type TestMeta =
  | { readonly result: ResultJson }
  /** The test only reported its size. */
  | { readonly size: DeclaredSize }
  /** The test has no result. */
  | { readonly error: string; readonly exitCode: number }

declare module "vitest" {
  interface TaskMeta {
    ktstr?: TestMeta
  }
}

/** Time for boot, initramfs and reports in addition to the scenario's; the slowest emulated boot measured took 13 s. */
const defaultBootMs = 60_000
const aroundMs = 30_000

/** Host time for each unit of virtual time, on a busy host. */
const virtualSlowness = 10

let harness: Harness | undefined

/** One for each test file: each has its own module graph in vitest. */
const theHarness = (): Harness => {
  harness ??= makeHarness(inject("ktstr"), process.cwd())
  return harness
}

/** An error whose stack shows the `ktstrTest` call and no line of ktstr. */
const failure = (message: string, site: string): Error => {
  const error = new Error(message)
  error.name = "AssertionError"
  error.stack = `AssertionError: ${message}\n${site}`
  return error
}

/**
 * Returns the stack below the caller of `below`.
 */
const callSite = (below: (...args: Array<never>) => unknown): string => {
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, below)
  return (holder.stack ?? "").split("\n").slice(1).join("\n")
}

/** As vitest's reporters call it. */
const fullNameOf = ({ name, suite }: Pick<RunnerTestCase, "name" | "suite">): string => {
  const names = [name]
  for (let at = suite; at !== undefined; at = at.suite) names.unshift(at.name)
  return names.join(" > ")
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** As vitest's reporters show it; those of `ktstr test` have the result itself. */
const failureText = (result: RunResult): string =>
  renderResult(result, {
    color: false,
    warnings: true,
    full: inject("ktstr")?.verbose ?? (process.env.KTSTR_VERBOSE ?? "") !== ""
  })
    .replace(/^(FAIL|INCONCLUSIVE) [^\n]*?: /, (_, word) => (word === "FAIL" ? "" : "inconclusive: "))
    .trimEnd()

/**
 * Registers a test: boots a machine with the requested topology, runs the scenario in it, and passes if its checks pass. A
 * failed or inconclusive run fails with the reason, a skipped run skips. In vitest its name is `ktstr/NAME`, and with several
 * kernels there is one for each, `ktstr/NAME/KERNEL-LABEL`; tests called `demo_…` run only on request. Invalid options throw here, where they are written.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ktstrTest = <F extends string = never>(
  name: string,
  options: KtstrTestOptions<F>,
  scenario: ScenarioInput
): void => {
  const site = callSite(ktstrTest)
  const made = Test.make(name, options, scenario)
  if (Either.isLeft(made)) throw failure(made.left.message, site)
  const declared = made.right
  if (harness === undefined) {
    // Tests may follow the end of a suite: they get a new one.
    afterAll(async () => {
      const done = harness
      harness = undefined
      await done?.dispose()
    })
  }
  const bootMs = options.bootTimeoutS === undefined ? defaultBootMs : options.bootTimeoutS * 1000
  const attachMs = options.scheduler === undefined ? 0 : options.scheduler.startTimeoutMs
  // Virtual time advances as fast as the host counts instructions.
  const slowness = inject("ktstr")?.determinism === undefined ? 1 : virtualSlowness
  const timeout = (declared.durationMs + bootMs + attachMs + aroundMs) * slowness
  const leftOut = Test.isDemo(declared) && inject("ktstr")?.demos !== true
  const kernels = inject("ktstr")?.resolved ?? []
  for (const kernel of kernels.length > 1 ? kernels : [undefined]) {
    const title = kernel === undefined ? `ktstr/${name}` : `ktstr/${name}/${kernelLabel(kernel)}`
    test.skipIf(leftOut)(title, { timeout }, async ({ task, skip, signal }) => {
      const unmet = Test.unmet(declared)
      if (unmet !== undefined) return skip(unmet)
      let result: RunResult
      try {
        if (inject("ktstr")?.explored?.describe === true) {
          task.meta.ktstr = { size: await theHarness().sizeOf(declared, task.file.filepath) }
          return
        }
        result = await theHarness().run(declared, signal, task.file.filepath, kernel, fullNameOf(task))
      } catch (error) {
        task.meta.ktstr = { error: messageOf(error), exitCode: exitCodeOfError(error) }
        throw failure(messageOf(error), site)
      }
      task.meta.ktstr = { result: resultToJson(result) }
      if (result.outcome === "skip") return skip(result.details.join("; "))
      if (result.outcome !== "pass") throw failure(failureText(result), site)
    })
  }
}
