// What a user reads of a failure: the cause first and last, a screen at most, and a command that runs it again, which is run here.
import { spawnSync } from "node:child_process"
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest"
import { bin, environment, ktstr, leftovers, none, root } from "./ktstr.ts"
import { commandOnTerminal, onTerminal } from "./pseudoTerminal.ts"

const built = join(root, "native/bpf/build/scx_ktstr")
const scratch = mkdtempSync(join(tmpdir(), "test-ktstr failures-"))
const fixture = join(scratch, "scx_ktstr")
beforeAll(() => {
  copyFileSync(built, fixture)
  symlinkSync(join(root, "node_modules"), join(scratch, "node_modules"))
  writeFileSync(join(scratch, "ktstr"), `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`)
  chmodSync(join(scratch, "ktstr"), 0o755)
})
afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true })
  expect(await leftovers()).toEqual(none)
})

const kernel = () => inject("kernel").image

/** The printed command in a shell that finds ktstr, as copied and pasted. */
const runAgain = (stdout: string, options: { readonly more?: string } = {}) => {
  const commands = [...stdout.matchAll(/^ {2}run it again: (.*)$/gm)].map(([, command]) => command!)
  expect(commands, stdout).toHaveLength(1)
  const [command = ""] = commands
  const env = environment({ PATH: `${scratch}:${process.env.PATH}` })
  const ended = spawnSync("sh", ["-c", `${command}${options.more ?? ""}`], { cwd: scratch, env, encoding: "utf8" })
  return { command, ...ended }
}

const failing = async (args: ReadonlyArray<string>) => {
  const ended = await ktstr(["run", "--kernel", kernel(), "--topology", "1n1l2c1t", "-d", "2", ...args], {
    cwd: scratch,
    deadlineMs: 150_000
  })
  const lines = ended.stdout.trimEnd().split("\n")
  expect(ended.code, ended.stderr + ended.stdout).toBe(1)
  return { ...ended, lines }
}

const deterministic = ["--clock", "deterministic"]

describe.concurrent("every failure of ktstr run", () => {
  it.each([
    ["a crash", "steady", "--error-after 1", [], /the kernel's reason: scx_bpf_error: told to fail after 1000 ms/],
    ["a stall", "steady", "--stall-after 0.5", [], /^FAIL steady: scheduler stalled/],
    [
      "the kernel's watchdog",
      "steady",
      "--stall-after 0.5 --watchdog-ms 1000",
      ["--watchdog", "0"],
      /runnable task stall/
    ],
    [
      "a refusal of the verifier",
      "steady",
      "--refuse-verify",
      [],
      /the kernel's verifier refused program ktstr_enqueue: R\d invalid/
    ],
    [
      "a long verifier log",
      "steady",
      "--verify-loop",
      [],
      /the kernel's verifier refused program ktstr_enqueue: The sequence/
    ],
    [
      "64 starved workers",
      "steady",
      "--starve cg_0",
      ["-w", "32", "--watchdog", "0"],
      /^FAIL steady: .*(starved|stuck|runnable|stall)/
    ]
  ])(
    "%s: the cause first and last, a screen at most, and run again it is the same run",
    { timeout: 300_000 },
    async (_, scenario, knobs, more, cause) => {
      const { lines, stdout } = await failing([
        scenario,
        "-s",
        fixture,
        "--sched-args",
        knobs,
        ...more,
        ...deterministic
      ])
      expect(lines[0]).toMatch(cause)
      expect(lines.at(-1)).toMatch(cause)
      expect(lines.length).toBeLessThanOrEqual(41)
      // Nothing but the cause is shown twice.
      const said = lines
        .slice(0, -1)
        .map((line) => line.trim())
        .filter((line) => line.length > 20)
      expect(said.filter((line, at) => said.indexOf(line) !== at)).toEqual([])
      const saved = /^ {2}saved in (.*)$/m.exec(stdout)?.[1] ?? ""
      expect(existsSync(join(saved, "replay.json"))).toBe(true)
      expect(JSON.parse(readFileSync(join(saved, "result.json"), "utf8")).outcome).toBe("fail")
      const again = runAgain(stdout)
      expect(again.command).toMatch(/^ktstr replay /)
      expect(again.stdout, again.stdout).toMatch(/^MATCHED steady, seed 0: fail: /)
      expect(again.status).toBe(0)
    }
  )

  it("in the host's time: the options that were given, the decided ones, and the scheduler's hash", {
    timeout: 300_000
  }, async () => {
    const mine = join(scratch, "scx it's mine")
    copyFileSync(built, mine)
    const first = await failing([
      "steady",
      "-s",
      mine,
      "--sched-args",
      "--error-after 0.5",
      "-w",
      "3",
      "--kargs",
      "quiet",
      "--vmm",
      "qemu-tcg"
    ])
    const again = runAgain(first.stdout)
    const image = kernel()
    expect(again.command).toMatch(/^ktstr run steady --kernel \S+ --topology 1n1l2c1t --seed 0 /)
    expect(again.command).toContain(`--scheduler '${scratch}/scx it'\\''s mine' --sched-args '--error-after 0.5'`)
    expect(again.command).toMatch(
      /--duration 2 --workers 3 --vmm qemu-tcg --kargs quiet --scheduler-hash [0-9a-f]{16}$/
    )
    expect(image).not.toBe("")
    expect(again.stdout).toMatch(/^FAIL steady: scheduler process died unexpectedly/)
    expect(again.stderr).not.toContain("has changed")
    expect(again.status).toBe(1)
    appendFileSync(mine, "\0")
    const changed = runAgain(first.stdout)
    expect(changed.stderr).toMatch(
      /^warning: the scheduler has changed since: .*scx it's mine is [0-9a-f]{16} now, was [0-9a-f]{16} \(SHA-256\)$/m
    )
  })
})

const tests = `
import { CgroupDef, HoldSpec, Scheduler, SchedulerBinary, Step } from "@ktstr/core"
import { ktstrTest } from "@ktstr/vitest"
import { describe } from "vitest"

const mine = Scheduler.make("mine", { binary: SchedulerBinary.Path("./scx_ktstr") })
const two = () => [Step.withDefs([CgroupDef.named("a").workers(2), CgroupDef.named("b").workers(2)], HoldSpec.FULL)]
ktstrTest("passes", { durationS: 1 }, two)
ktstrTest("crashes (it's 1 of 2)", { scheduler: mine, extraSchedArgs: ["--error-after", "0.4"], durationS: 1 }, two)
describe("a suite", () => ktstrTest("crashes too", { scheduler: mine, extraSchedArgs: ["--error-after", "0.5"], durationS: 1 }, two))
ktstrTest("needs two LLCs", { constraints: { minLlcs: 2 } }, two)
ktstrTest("throws", {}, () => { throw new Error("no steps today\\u001b[2J") })
`

describe("every failure of ktstr test", () => {
  it("has a screen at most, and what is alike is one cause at the end", { timeout: 400_000 }, async () => {
    writeFileSync(join(scratch, "a.ktstr.ts"), tests)
    const args = ["test", "a.ktstr.ts", "--kernel", kernel(), "--clock", "deterministic"]
    const { code, stderr, stdout } = await ktstr(args, { cwd: scratch, deadlineMs: 300_000 })
    const lines = stdout.trimEnd().split("\n")
    expect(code, stdout + stderr).toBe(1)
    expect(stdout).not.toContain("\u001b")
    expect(lines[0]).toMatch(/^PASS passes on 1n1l2c1t · /)
    expect(lines.filter((line) => line.startsWith("PASS"))).toHaveLength(1)
    expect(stdout).toMatch(/^SKIP needs two LLCs: needs at least 2 LLCs; topology 1n1l2c1t has 1$/m)
    expect(stdout).toMatch(/^FAIL throws: test 'throws': its scenario could not be built: no steps today/m)
    expect(stdout).toMatch(/^ {2}at a\.ktstr\.ts:12:\d+$/m)
    const totals = lines.indexOf("1 pass, 3 fail, 1 skip")
    expect(totals).toBeGreaterThan(0)
    // The last cause includes its place, as far as the line is wide enough.
    expect(lines.slice(totals + 1, totals + 5)).toEqual([
      "  skip 1: needs at least 2 LLCs; topology 1n1l2c1t has 1",
      expect.stringMatching(
        /^FAIL crashes \(it's 1 of 2\): scheduler process died unexpectedly .*told to fail after 400 ms$/
      ),
      "  the same cause: 1 more: crashes too",
      expect.stringMatching(/^FAIL throws: test 'throws': its scenario could not be built: no steps today/)
    ])
    // Each failure's block, from its headline to the next test's.
    const blocks = lines
      .slice(0, totals)
      .join("\n")
      .split(/^(?=(?:PASS|FAIL|SKIP) )/m)
    for (const block of blocks) expect(block.split("\n").length).toBeLessThanOrEqual(41)
    const crashed = blocks.filter((block) => block.startsWith("FAIL crashes"))
    expect(crashed).toHaveLength(2)
    for (const block of crashed) {
      const again = runAgain(block)
      expect(again.command).toMatch(/^ktstr replay \.ktstr\/runs\/failures\/\S+\/replay\.json$/)
      expect(again.stdout, again.stderr).toMatch(/^MATCHED a\.ktstr\.ts > .*seed 0: fail: scheduler process died/)
    }
    const thrown = runAgain(blocks.find((block) => block.startsWith("FAIL throws")) ?? "")
    expect(thrown.stdout).toMatch(/^FAIL throws: .*\n[\s\S]*\nFAIL throws: .*$/m)
    expect(thrown.stdout).not.toContain("crashes")
    expect(thrown.status).toBe(64)
  })

  it("in the host's time is run again by its file and its name", { timeout: 300_000 }, async () => {
    writeFileSync(join(scratch, "b.ktstr.ts"), tests)
    const args = ["test", "b.ktstr.ts", "--kernel", kernel(), "--filter", "a suite"]
    const first = await ktstr(args, { cwd: scratch, deadlineMs: 200_000 })
    expect(first.stderr).toContain("4 not selected by the filter")
    const again = runAgain(first.stdout)
    expect(again.command).toMatch(
      /^ktstr test b\.ktstr\.ts --filter '\^a suite ktstr\/crashes too\$' --kernel \S+ .*--scheduler-hash [0-9a-f]{16}$/
    )
    expect(again.stdout).toMatch(/^FAIL crashes too: scheduler process died/)
    expect(again.status).toBe(1)
  })

  it("shows the phase on a terminal, in place, and says what was done at Ctrl-C", { timeout: 200_000 }, async () => {
    writeFileSync(join(scratch, "c.ktstr.ts"), tests.replace("durationS: 1 }, two)", "durationS: 60 }, two)"))
    const terminal = onTerminal(["test", join(scratch, "c.ktstr.ts"), "--kernel", kernel(), "--", "--root", scratch])
    await terminal.sees("booting with")
    await terminal.sees("step 1 of 1")
    terminal.types("\u0003")
    await terminal.sees("ktstr: interrupted: 0 tests were done; passes: step 1 of 1")
    expect((await terminal.ended).code).toBe(130)
  })

  const slow = (exported: string) =>
    `process.stderr.write("it loads\\n"); await new Promise((go) => setTimeout(go, 5000)); ${exported}`

  it.each([
    ["ktstr's configuration", "ktstr.config.mjs", []],
    ["vitest's configuration", "slow.config.mjs", ["--config", "slow.config.mjs"]]
  ])("says at Ctrl-C that no test was done while it loads %s", { timeout: 60_000 }, async (_, file, options) => {
    const folder = mkdtempSync(join(scratch, "slow-"))
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
    writeFileSync(join(folder, "e.ktstr.ts"), tests)
    writeFileSync(join(folder, file), slow("export default {}"))
    const words = [process.execPath, bin, "test", "--kernel", kernel(), "--", ...options]
    const terminal = commandOnTerminal(["sh", "-c", 'cd "$0" && exec "$@"', folder, ...words])
    await terminal.sees("it loads")
    terminal.types("\u0003")
    await terminal.sees("ktstr: interrupted: 0 tests were done")
    expect((await terminal.ended).code).toBe(130)
    expect(await leftovers()).toEqual(none)
  })

  it.each([
    ["Ctrl-C", ["\u0003"], 130],
    ["Ctrl-C twice", ["\u0003", "\u0003"], 130],
    ["SIGTERM", ["SIGTERM"], 143],
    ["SIGHUP", ["SIGHUP"], 129]
  ] as const)("ends while it boots at %s, and leaves nothing", { timeout: 120_000 }, async (_, signals, code) => {
    writeFileSync(join(scratch, "d.ktstr.ts"), tests)
    const terminal = onTerminal(["test", join(scratch, "d.ktstr.ts"), "--kernel", kernel(), "--", "--root", scratch])
    await terminal.sees("booting with")
    for (const signal of signals) {
      if (signal === "\u0003") terminal.types(signal)
      else terminal.signal(signal)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    if (signals.length === 1) await terminal.sees("ktstr: interrupted: 0 tests were done; passes: booting with")
    expect((await terminal.ended).code).toBe(code)
    expect(await leftovers()).toEqual(none)
  })

  it("keeps standard output to its format beside a reporter of vitest's, and refuses a filter that selects nothing", {
    timeout: 120_000
  }, async () => {
    // A folder of its own: vitest takes every file below whose path contains the name.
    const folder = mkdtempSync(join(scratch, "report-"))
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
    writeFileSync(join(folder, "e.ktstr.ts"), tests)
    const args = ["test", "e.ktstr.ts", "--kernel", kernel(), "--filter"]
    const report = ["--", "--reporter=junit", "--outputFile=e.xml"]
    const json = await ktstr([...args, "throws", "--format", "json", ...report], { cwd: folder })
    expect(JSON.parse(json.stdout), json.stdout).toEqual({
      runs: [],
      errors: [{ name: "ktstr/throws", message: expect.stringContaining("no steps today"), exitCode: 64 }]
    })
    expect(json.stderr).toContain("no steps today")
    expect(json.code).toBe(64)
    expect(readFileSync(join(folder, "e.xml"), "utf8")).toMatch(/<failure message="[^"]*no steps today/)
    const refused = await ktstr([...args, "trows"], { cwd: folder })
    expect(refused.stderr).toContain("ktstr: no test matches --filter 'trows'; did you mean 'throws'?")
    expect(refused.code).toBe(64)
    expect((await ktstr([...args, "trows", "--pass-with-no-tests"], { cwd: folder })).code).toBe(0)
  })
})
