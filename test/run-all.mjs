// `npm test`: every check of the project, in the order in which they fail fastest. Goes on after a failure, so that one run
// tells everything, and closes with the counts.
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { stripVTControlCharacters } from "node:util"

const root = fileURLToPath(new URL("..", import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), "ktstr-test-"))

const vitest = (...args) => ({ command: ["npx", "vitest", "run", ...args], vitest: true })

const stages = [
  { name: "lint and format", command: ["npx", "biome", "check", "."] },
  { name: "C format", command: ["sh", "-c", "git ls-files '*.c' '*.h' '*.cc' | xargs clang-format --dry-run -Werror"] },
  { name: "shell", command: ["shellcheck", "-s", "sh", ".ci/run", "test/lab/level1/init.sh"] },
  { name: "import directions", command: ["node", "test/checks/imports.mjs"] },
  { name: "types", command: ["npx", "tsc", "-p", "tsconfig.json"] },
  { name: "agent in C", command: ["make", "-s", "-C", "native/agent", "test"] },
  { name: "addon with sanitizers", command: ["make", "-s", "-j2", "-C", "native/src", "sanitize"] },
  { name: "unit tests", ...vitest("--project", "unit") },
  { name: "core on Deno", command: ["npx", "deno", "task", "test:core"] },
  { name: "end to end", ...vitest("--project", "e2e*") }
]

/** How many lines of a failed test's message the last lines of the run repeat. */
const messageLines = 8

/** What vitest's own JSON report says: tests passed, failed and skipped, and what did not pass at once, by file, name and words. */
const reported = (file) => {
  const report = JSON.parse(readFileSync(file, "utf8"))
  const told = (status) =>
    report.testResults.flatMap((suite) =>
      suite.assertionResults
        .filter((test) => test.status === status && test.failureMessages.length > 0)
        .map((test) => ({ where: `${relative(root, suite.name)} > ${test.fullName}`, words: test.failureMessages[0] }))
    )
  // A file that does not load has words of its own and no tests.
  const unloaded = report.testResults
    .filter((suite) => suite.status === "failed" && suite.assertionResults.length === 0)
    .map((suite) => ({ where: relative(root, suite.name), words: suite.message }))
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests,
    failures: [...unloaded, ...told("failed")],
    secondTries: told("passed")
  }
}

/** A failure as the end of the run tells it again, without other people's frames: who sees only the end knows what to mend. */
const retold = ({ where, words }) => {
  const lines = stripVTControlCharacters(words).trim().split("\n")
  const own = lines.filter((line) => !line.includes("node_modules")).slice(0, messageLines)
  return [where, ...own.map((line) => `  ${line}`)].join("\n")
}

/** Ends a stage that hangs, with everything it started, so that the run tells instead of being cut off. */
const stageLimitMs = 70 * 60_000

/** Runs a command to its end; gives its exit code, or null when it was killed. */
const run = ([command, ...args]) =>
  new Promise((resolve) => {
    // A group of its own, so that all of it can be ended.
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"], detached: true })
    const end = () => process.kill(-child.pid, "SIGKILL")
    const timer = setTimeout(() => {
      console.log(`this stage did not end within ${stageLimitMs / 60_000} minutes; killed`)
      end()
    }, stageLimitMs)
    const interrupted = () => {
      process.kill(-child.pid, "SIGTERM")
      process.exitCode = 130
    }
    process.once("SIGINT", interrupted).once("SIGTERM", interrupted)
    child.once("error", () => resolve(127))
    child.once("close", (status) => {
      clearTimeout(timer)
      process.off("SIGINT", interrupted).off("SIGTERM", interrupted)
      resolve(status)
    })
  })

const total = { passed: 0, failed: 0, skipped: 0 }
const rows = []
const failures = []
const secondTries = []
const only = process.argv.slice(2)
for (const [index, stage] of stages.entries()) {
  if (only.length > 0 && !only.some((word) => stage.name.includes(word))) continue
  console.log(`\n== ${stage.name}`)
  const command = [...stage.command]
  const json = join(scratch, `${index}.json`)
  if (stage.vitest) command.push("--reporter=default", "--reporter=json", `--outputFile.json=${json}`)
  const began = Date.now()
  const status = await run(command)
  const seconds = ((Date.now() - began) / 1000).toFixed(1)
  let result = { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 }
  if (stage.vitest) {
    try {
      result = reported(json)
      failures.push(...result.failures)
      secondTries.push(...result.secondTries)
      // A failure outside every test (a file that does not load) must not vanish from the count.
      if (status !== 0 && result.failed === 0) result.failed = 1
    } catch {
      result = { passed: 0, failed: 1, skipped: 0 }
    }
  }
  for (const key of Object.keys(total)) total[key] += result[key]
  rows.push(`${status === 0 ? "ok  " : "FAIL"} ${stage.name} (${seconds} s)`)
}
rmSync(scratch, { recursive: true, force: true })
if (secondTries.length > 0) console.log(`\npassed at a second try:\n${secondTries.map(retold).join("\n")}`)
if (failures.length > 0) console.log(`\nfailed:\n${failures.map(retold).join("\n")}`)
console.log(`\n${rows.join("\n")}\n`)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(total.failed === 0 ? 0 : 1)
