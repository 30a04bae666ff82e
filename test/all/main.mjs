// `npm test`: every check of the project, in the order in which they fail fastest. Goes on after a failure, so that one run
// tells everything, and closes with the counts. A run fails when a test fails, when one is skipped without a reason that holds here
// (skips.mjs), and when more than three of those that keep the host's time needed their second try.
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { failureText, readReport, secondTriesAllowed, skipText } from "./report.mjs"

const root = fileURLToPath(new URL("../..", import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), "ktstr-test-"))

const vitest = (...args) => ({ command: ["npx", "vitest", "run", ...args], vitest: true })

const stages = [
  { name: "lint and format", command: ["npx", "biome", "check", "."] },
  { name: "C format", command: ["sh", "-c", "git ls-files '*.c' '*.h' '*.cc' | xargs clang-format --dry-run -Werror"] },
  { name: "shell", command: ["shellcheck", "-s", "sh", ".ci/run", "test/lab/level1/init.sh"] },
  { name: "import directions", command: ["node", "test/checks/imports.mjs"] },
  { name: "types", command: ["npx", "tsc", "-p", "tsconfig.json"] },
  { name: "agent in C", command: ["make", "-s", "-C", "native/agent", "test"] },
  { name: "agent with sanitizers", command: ["make", "-s", "-j2", "-C", "native/agent", "sanitize"] },
  { name: "decoders, fuzzed", command: ["node", "test/fuzz/main.mjs", "--runs", "3000"] },
  { name: "addon with sanitizers", command: ["make", "-s", "-j2", "-C", "native/src", "sanitize"] },
  { name: "addon with ThreadSanitizer", command: ["make", "-s", "-j2", "-C", "native/src", "thread"] },
  { name: "unit tests", ...vitest("--project", "unit") },
  { name: "core on Deno", command: ["npx", "deno", "task", "test:core"], vitest: true },
  { name: "end to end", ...vitest("--project", "e2e*") }
]

/** Time limit of a stage, after which it is killed with everything it started, so that the run reports it instead of being cut off. */
const stageLimitMs = 70 * 60_000

/** Runs a command to its end; returns its exit code, or null if it was killed. */
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
const skips = []
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
      result = readReport(json, root)
      failures.push(...result.failures)
      secondTries.push(...result.secondTries)
      skips.push(...result.skips)
      // A failure outside every test must not vanish from the count.
      if (status !== 0 && result.failed === 0) result.failed = 1
    } catch {
      result = { passed: 0, failed: 1, skipped: 0 }
    }
  }
  for (const key of Object.keys(total)) total[key] += result[key]
  if (process.exitCode !== undefined) break
  rows.push(`${result.failed === 0 ? "ok  " : "FAIL"} ${stage.name} (${seconds} s)`)
}
rmSync(scratch, { recursive: true, force: true })
if (rows.length === 0 && process.exitCode === undefined) {
  console.error(`no stage has ${only.join(" or ")} in its name; stages: ${stages.map(({ name }) => name).join(", ")}`)
  process.exit(64)
}
if (skips.length > 0) console.log(`\nskipped here:\n${skipText(skips)}`)
if (secondTries.length > 0) console.log(`\npassed at the second try:\n${secondTries.map(failureText).join("\n")}`)
if (secondTries.length > secondTriesAllowed) total.failed += 1
if (failures.length > 0) console.log(`\nfailed:\n${failures.map(failureText).join("\n")}`)
console.log(`\n${rows.join("\n")}\n`)
const limit = secondTries.length > secondTriesAllowed ? `: more than ${secondTriesAllowed}, which fails the run` : ""
console.log(`${secondTries.length} second tries${limit}`)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(process.exitCode ?? (total.failed === 0 ? 0 : 1))
