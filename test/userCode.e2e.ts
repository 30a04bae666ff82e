// Configurations, plugins and scenarios that misbehave: one line that names them, the documented code, and nothing left behind.
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { ktstr, leftovers, none, root } from "./ktstr.ts"

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "test-ktstr user code-"))
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const run = async (files: Readonly<Record<string, string>>, args: ReadonlyArray<string>) => {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const ended = await ktstr(args, { cwd: folder, deadlineMs: 100_000 })
  expect(await leftovers()).toEqual(none)
  return { ...ended, lines: ended.stderr.replaceAll(`${folder}/`, "").trimEnd().split("\n") }
}

const scenario = (body: string) => `
import { registerScenarios, Scenario } from "@ktstr/core"
const mine = Scenario.make({ name: "mine", description: "", build: () => { ${body} } })
export default { plugins: [registerScenarios([mine])] }
`

describe("a configuration", () => {
  it.each<readonly [string, string, ReadonlyArray<string>, string]>([
    [
      "ends the process as it loads",
      "type T = 1\nprocess.exit(0)",
      ["list"],
      "ktstr: ktstr.config.ts:2:9: process.exit(0) was called, which only ktstr may do: remove the call"
    ],
    [
      "ends the process in a plugin",
      'import { Effect, Layer } from "effect"\nexport default { plugins: [Layer.effectDiscard(Effect.sync(() => process.exit(3)))] }',
      ["list"],
      "ktstr: ktstr.config.ts:2:74: plugins[0]: process.exit(3) was called, which only ktstr may do: remove the call"
    ],
    [
      "ends the process in a scenario",
      scenario("process.exit(0)"),
      ["run", "mine"],
      "ktstr: scenario 'mine' could not be built: process.exit(0) was called, which only ktstr may do: remove the call (ktstr.config.ts:3:84)"
    ],
    [
      "has a scenario that throws",
      scenario("throw new RangeError('too far')"),
      ["run", "mine"],
      "ktstr: scenario 'mine' could not be built: RangeError: too far (ktstr.config.ts:3:82)"
    ],
    [
      "leaves a rejection",
      "Promise.reject(new Error('lost'))\nexport default {}",
      ["run", "steady"],
      "ktstr: ktstr.config.ts:1:16: lost (a promise that nobody waits for was rejected)"
    ],
    [
      "leaves a rejection without a place",
      "Promise.reject('lost')\nexport default {}",
      ["list"],
      "ktstr: ktstr.config.ts or a plugin: threw 'lost' (a promise that nobody waits for was rejected)"
    ],
    [
      "ends the process in a timer",
      "setImmediate(() => process.exit(0))\nexport default {}",
      ["run", "steady"],
      "ktstr: ktstr.config.ts:1:28: process.exit(0) was called, which only ktstr may do: remove the call (nobody caught it)"
    ],
    [
      "has a reporter with a misspelt hook",
      `import { Reporter } from "@ktstr/core"\nimport { Effect } from "effect"\nconst make = () => Effect.succeed({ onRnu: () => Effect.void })\nexport default { plugins: [Reporter.plugin({ name: "mine", description: "", make })] }`,
      ["run", "steady", "--format", "mine"],
      "ktstr: reporter 'mine': unknown hook 'onRnu'; there are: onEvent, onResult, onEnd"
    ],
    [
      "throws in a timer while a machine runs",
      "setTimeout(() => { throw new TypeError('late') }, 4000)\nexport default {}",
      ["run", "steady", "-t", "1n1l1c1t", "-d", "60"],
      "ktstr: ktstr.config.ts:1:26: TypeError: late (nobody caught it)"
    ]
  ])("%s", async (_, text, args, says) => {
    const { code, lines } = await run({ "ktstr.config.ts": text }, args)
    // The others are about the machine.
    expect(lines.filter((line) => line.startsWith("ktstr: "))).toEqual([says])
    expect(code).toBe(64)
  })

  it("that throws after a check has failed does not take the verdict back", async () => {
    const text = `
import { Assert, CgroupDef, HoldSpec, registerScenarios, Scenario, Step } from "@ktstr/core"
const steps = () => [Step.withDefs([CgroupDef.named("a").workers(1)], HoldSpec.FULL)]
const failing = Scenario.make({
  name: "failing", description: "", build: () => ({ steps: steps(), assert: { minIterationRate: 1e12 } })
})
const late = Scenario.make({
  name: "late", description: "", build: () => (setTimeout(() => { throw new Error("late") }, 1000), steps())
})
export default { plugins: [registerScenarios([failing, late])] }
`
    const { code, lines, stdout } = await run({ "ktstr.config.ts": text }, [
      "run",
      "failing",
      "late",
      "-t",
      "1n1l1c1t",
      "-d",
      "2"
    ])
    expect(stdout).toMatch(/^FAIL failing/m)
    expect(stdout).not.toMatch(/^(PASS|FAIL|INCONCLUSIVE) late/m)
    expect(lines.filter((line) => line.startsWith("ktstr: "))).toEqual([
      "ktstr: ktstr.config.ts:8:73: late (nobody caught it)"
    ])
    expect(code).toBe(1)
  })

  it("that throws later is in the JSON, too", async () => {
    const text = "setTimeout(() => { throw new Error('late') }, 4000)\nexport default {}"
    const args = ["run", "steady", "-t", "1n1l1c1t", "-d", "60", "--format", "json"]
    const { stdout } = await run({ "ktstr.config.ts": text }, args)
    expect(JSON.parse(stdout)).toEqual({
      runs: [],
      error: { scenario: "steady", message: `${folder}/ktstr.config.ts:1:26: late (nobody caught it)`, exitCode: 64 }
    })
  })

  it("that keeps the process busy does not keep the command", async () => {
    const { code, ms } = await run({ "ktstr.config.ts": "setInterval(() => {}, 1000)\nexport default {}" }, ["list"])
    expect(code).toBe(0)
    expect(ms).toBeLessThan(60_000)
  })
})

describe("a configuration of vitest", () => {
  const tests = { "a.ktstr.ts": 'import { test } from "vitest"\ntest("x", () => undefined)' }
  const named = ["test", "a.ktstr.ts", "--", "--config", "vitest.config.ts"]

  it.each<readonly [string, string, string]>([
    ["throws", "const no: string = 'no way'\nthrow new Error(no)", "vitest.config.ts:2:7: no way"],
    ["throws at its first line", "throw new TypeError('no way')", "vitest.config.ts:1: TypeError: no way"],
    ["throws a text", "throw 'no way'", "vitest.config.ts: threw 'no way'"],
    [
      "does not parse",
      "\nexport default {",
      "vitest.config.ts: vitest.config.ts:2:16: ERROR: Expected identifier but found end of file"
    ],
    [
      "imports what is not there",
      "import './none.ts'\nexport default {}",
      'vitest.config.ts: vitest.config.ts:1:7: ERROR: Could not resolve "./none.ts"'
    ],
    [
      "imports a package that is not there",
      "import 'no-such-package'\nexport default {}",
      "vitest.config.ts: Cannot find package 'no-such-package' imported from vitest.config.ts"
    ],
    ["exports a number", "export default 5", "vitest.config.ts: config must export or return an object."],
    [
      "has a plugin that throws",
      "\nexport default { plugins: [{ name: 'x', config() { throw new Error('no way') } }] }",
      "vitest: no way (vitest.config.ts:2:58)"
    ],
    [
      "misspells an option of ktstr's",
      "import { ktstr } from '@ktstr/vitest/plugin'\nexport default { plugins: [ktstr({ kernl: '7.3' })] }",
      "vitest.config.ts:2:28: ktstr() of @ktstr/vitest/plugin: unknown option 'kernl'; did you mean 'kernel'?"
    ],
    [
      "ends the process",
      "process.exit(0)",
      "vitest.config.ts:1: process.exit(0) was called, which only ktstr may do: remove the call"
    ]
  ])("that %s", async (_, text, says) => {
    const all = { ...tests, "package.json": '{ "type": "module" }', "vitest.config.ts": text }
    const { code, lines, stdout } = await run(all, named)
    expect(lines).toEqual([`ktstr: ${says}`])
    expect([code, stdout]).toEqual([64, ""])
  })

  it("that imports what throws", async () => {
    const part = "export const made = (): object => {\n  throw new Error('no way')\n}"
    const text = "import { made } from './part.ts'\nexport default made()"
    const { code, lines } = await run({ ...tests, "part.ts": part, "vitest.config.ts": text }, named)
    expect(lines).toEqual(["ktstr: vitest.config.ts: no way (part.ts:2:9)"])
    expect(code).toBe(64)
  })

  it("that throws and is CommonJS", async () => {
    const { code, lines } = await run({ ...tests, "vitest.config.ts": "\nthrow new Error('no way')" }, named)
    expect(lines).toEqual(["ktstr: vitest.config.ts:2:7: no way"])
    expect(code).toBe(64)
  })

  it("that is not there", async () => {
    const { code, lines } = await run(tests, named)
    expect(lines).toEqual(["ktstr: vitest: no such configuration: vitest.config.ts"])
    expect(code).toBe(64)
  })

  it("that vitest can't use is no internal error", async () => {
    const { code, lines } = await run(
      { ...tests, "vitest.config.ts": "export default { test: { include: 5 } }" },
      named
    )
    expect(lines).toEqual([expect.stringMatching(/^ktstr: vitest: /)])
    expect(code).toBe(64)
  })
})

describe("a file of tests that ends the process", () => {
  it.each([
    ["as it loads", "process.exit(0)", 64],
    [
      "in a test's scenario",
      'import { ktstrTest } from "@ktstr/vitest"\nktstrTest("x", {}, () => process.exit(0))',
      64
    ],
    [
      "in a timer",
      'import { test } from "vitest"\ntest("x", () => new Promise((done) => setTimeout(() => { setTimeout(done, 200); process.exit(0) }, 10)))',
      1
    ]
  ])("%s", async (_, text, expected) => {
    const { code, stdout } = await run({ "a.ktstr.ts": text }, ["test"])
    expect(stdout).toMatch(/^FAIL .*process\.exit unexpectedly called with "0"/m)
    expect(code).toBe(expected)
  })
})
