// Reads vitest's JSON report of a stage, and formats it for the end of the run.
import { readFileSync } from "node:fs"
import { relative } from "node:path"
import { stripVTControlCharacters } from "node:util"
import { reasonToSkip } from "./skips.mjs"

/** Maximum number of second tries in a run: a busy host fails a test now and then, a fault of ktstr fails many. */
export const secondTriesAllowed = 3

/** How many lines of a failed test's message the last lines of the run repeat. */
const messageLines = 8

/** Skipped tests that failures list by name; the rest are counted. */
const namedSkips = 20

/**
 * Reads a report: tests passed, failed and skipped, failures and second tries by file, name and words, skips by reason. A skip that
 * `allowedSkips` does not know, or whose reason does not hold here, is a failure; so is a report without a single test.
 */
export const readReport = (file, root) => {
  const report = JSON.parse(readFileSync(file, "utf8"))
  const tests = report.testResults.flatMap((suite) =>
    suite.assertionResults.map((test) => ({ ...test, where: `${relative(root, suite.name)} > ${test.fullName}` }))
  )
  const withWords = (status) =>
    tests
      .filter((test) => test.status === status && test.failureMessages.length > 0)
      .map(({ where, failureMessages }) => ({ where, words: failureMessages[0] }))
  // A file that does not load has a message and no tests.
  const unloaded = report.testResults
    .filter((suite) => suite.status === "failed" && suite.assertionResults.length === 0)
    .map((suite) => ({ where: relative(root, suite.name), words: suite.message }))
  const skipped = tests.filter(({ status }) => status !== "passed" && status !== "failed")
  const judged = skipped.map(({ where }) => ({ where, reason: reasonToSkip(where) }))
  const forbidden = judged
    .filter(({ reason }) => reason === undefined)
    .map(({ where }) => ({
      where,
      words: "skipped, and test/all/skips.mjs knows no reason that holds on this machine"
    }))
  const none = tests.length === 0 && unloaded.length === 0 ? [{ where: "this stage", words: "ran no test" }] : []
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length + forbidden.length + none.length,
    skipped: skipped.length - forbidden.length,
    failures: [...unloaded, ...withWords("failed"), ...forbidden, ...none],
    secondTries: withWords("passed"),
    skips: judged.filter(({ reason }) => reason !== undefined)
  }
}

/** Formats a failure for the end of the run, without frames of other packages, so that the last lines are enough to fix it. */
export const failureText = ({ where, words }) => {
  const lines = stripVTControlCharacters(words).trim().split("\n")
  const own = lines.filter((line) => !line.includes("node_modules")).slice(0, messageLines)
  return [where, ...own.map((line) => `  ${line}`)].join("\n")
}

/** Skips by their reasons: how many, and which. */
export const skipText = (skips) =>
  [...new Set(skips.map(({ reason }) => reason))]
    .flatMap((reason) => {
      const names = skips.filter((skip) => skip.reason === reason).map(({ where }) => `    ${where}`)
      const more = names.length - namedSkips
      return [
        `  ${names.length} because ${reason}:`,
        ...names.slice(0, namedSkips),
        ...(more > 0 ? [`    … and ${more} more`] : [])
      ]
    })
    .join("\n")
