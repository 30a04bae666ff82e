/**
 * Builds the command that repeats a test.
 *
 * @since 0.2.0
 */
import { relative, resolve, sep } from "node:path"
import { type KtstrTest, KtstrTest as Test } from "@ktstr/core"
import { ReplayRequest, type RerunRequest, type SettledRun } from "@ktstr/core/run"
import type { Provided } from "./Plugin.ts"

/** Returns a pattern that matches this name alone; vitest compares it with the names of suites and test, joined by blanks. */
const patternOf = (fullName: string): string =>
  `^${fullName.replaceAll(" > ", " ").replace(/[\\^$.|?*+()[\]{}]/g, "\\$&")}$`

/** With several kernels, the command names one. */
const withoutLabel = (fullName: string, name: string): string => {
  const title = `ktstr/${name}`
  const at = fullName.lastIndexOf(title)
  return at < 0 ? fullName : fullName.slice(0, at + title.length)
}

/**
 * Returns the arguments of `ktstr test` for one test, and the request of its replay file if its machine is deterministic.
 *
 * @since 0.2.0
 * @category constructors
 */
export const testRerun = (rerun: {
  readonly test: KtstrTest
  /** Absolute. */
  readonly file: string
  readonly fullName: string
  readonly request: SettledRun
  readonly provided: Provided | undefined
}): RerunRequest => {
  const { provided, request, test } = rerun
  const file = relative(process.cwd(), rerun.file).split(sep).join("/")
  const name = withoutLabel(rerun.fullName, test.name)
  const kernel = request.kernel.key ?? resolve(request.kernel.image)
  const program = process.env.KTSTR_SCHEDULER
  const { rest = [], words = [] } = provided?.rerun ?? {}
  const seed = provided?.determinism?.seed
  return {
    words: [
      "ktstr",
      "test",
      file,
      "--filter",
      patternOf(name),
      "--kernel",
      kernel,
      ...(provided?.vmm === undefined || provided.vmm === "auto" ? [] : ["--vmm", provided.vmm]),
      ...(seed === undefined ? [] : ["--clock", "deterministic", "--seed", `${seed}`]),
      ...(Test.isDemo(test) ? ["--demos"] : []),
      ...words
    ],
    rest,
    environment:
      request.scheduler === undefined || program === undefined || program === ""
        ? undefined
        : { KTSTR_SCHEDULER: resolve(program) },
    replay:
      seed === undefined
        ? undefined
        : ReplayRequest.make({
            scenario: test.name,
            test: { file, name },
            seed,
            without: [],
            options: {
              kernel,
              topology: String(request.topology),
              workers: `${request.workersPerCgroup}`,
              duration: `${request.durationMs / 1000}`
            }
          })
  }
}
