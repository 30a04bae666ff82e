import { AssertResult } from "./AssertResult.ts"

/**
 * Inverts the verdict on a run that must fail. With a pattern, one of the failures must match it: a run that failed for another reason stays a
 * failure. Failures that the host excuses do not count, nor does what is said of the host beside a failure. Skipped and inconclusive verdicts are unchanged, because they show no failure.
 */
export const expectFailure = (result: AssertResult, expected: boolean | RegExp | undefined): AssertResult => {
  if (expected === undefined || expected === false) return result
  const turned = (outcome: "pass" | "fail", details: ReadonlyArray<string>) =>
    AssertResult.make({ outcome, details, cgroups: result.cgroups, totals: result.totals })
  if (result.outcome === "pass") {
    const which = expected === true ? "a failure" : `a failure that matches ${expected}`
    return turned("fail", [`expected ${which}, but every check passed`])
  }
  if (result.outcome !== "fail") return result
  // A global or sticky pattern keeps its last position, but each detail must be matched from its start.
  const pattern = expected === true ? undefined : new RegExp(expected.source, expected.flags.replace(/[gy]/g, ""))
  return pattern === undefined || AssertResult.failuresOf(result).some((failure) => pattern.test(failure))
    ? turned("pass", [])
    : turned("fail", [`expected a failure that matches ${expected}, but it failed otherwise:`, ...result.details])
}
