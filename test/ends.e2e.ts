// Commands that boot machines by every way to end: nothing is left of them. What a terminal does to them is in terminal.e2e.ts and, for `ktstr test`,
// in failures.e2e.ts, and what `--host` leaves in host.e2e.ts.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { environment, ktstr, leftovers, none, root, type Started, start } from "./ktstr.ts"

const scratch = mkdtempSync(join(tmpdir(), "test-ktstr-ends-"))
const runs = join(scratch, "runs")
/** Where the commands run, which none may write to. */
const folder = join(scratch, "folder")
const env = { KTSTR_SIDECAR_DIR: runs }
/** Where tests are. */
const tests = join(scratch, "tests")
const machine = ["--topology", "1n1l1c1t"]
const virtual = ["--clock", "deterministic"]
let replayed = ""

beforeAll(async () => {
  mkdirSync(folder)
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
  mkdirSync(tests)
  symlinkSync(join(root, "node_modules"), join(tests, "node_modules"))
  writeFileSync(
    join(tests, "long.ktstr.ts"),
    'import { ktstrTest } from "@ktstr/vitest"\nktstrTest("long", { topology: "1n1l1c1t", durationS: 60 }, "steady")\n'
  )
  // Nothing of ktstr's would stop what only vitest knows.
  writeFileSync(
    join(tests, "plain.ktstr.ts"),
    'import { test } from "vitest"\nconst long = new Promise((go) => setTimeout(go, 60_000))\ntest("plain", () => ((process.title = "begun"), long), 0)\n'
  )
  const impossible = ["--duration", "0.3", "--max-gap-ms", "0"]
  const { code, stderr } = await ktstr(["run", "steady", ...machine, ...virtual, ...impossible], { cwd: folder, env })
  expect(code, stderr).toBe(1)
  const [failure = ""] = readdirSync(join(runs, "failures"))
  replayed = join(runs, "failures", failure, "replay.json")
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const leavesNothing = async () => {
  expect(await leftovers(10_000)).toEqual(none)
  expect(readdirSync(folder)).toEqual(["node_modules"])
}

const begun: ReadonlyArray<readonly [name: string, args: () => ReadonlyArray<string>]> = [
  ["run", () => ["run", "steady", ...machine, "--duration", "60"]],
  ["run in virtual time", () => ["run", "steady", "oversubscribed", ...machine, ...virtual, "--duration", "60"]],
  ["explore", () => ["explore", "steady", ...machine, "--duration", "60", "--seeds", "1..50"]],
  ["replay", () => ["replay", replayed]],
  ["exec", () => ["exec", ...machine, "sleep 100"]],
  ["demo", () => ["demo"]],
  ["test", () => ["test", "long.ktstr.ts", "--", "--root", tests]],
  ["test of vitest alone", () => ["test", "plain.ktstr.ts", "--", "--root", tests]]
]

const childrenOf = (pid: number | string | undefined): ReadonlyArray<string> =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").match(/\d+/g) ?? []

const hasFiles = (pid: number | string | undefined): boolean =>
  readdirSync(environment().TMPDIR ?? "").some((name) => name.startsWith(`ktstr-${pid}-`))

/** A worker of vitest has a machine, or is in a test that has none. */
const works = (pid: string): boolean =>
  hasFiles(pid) || childrenOf(pid).length > 0 || readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("begun")

/** Until a command has something that could be left. */
const isAtWork = async ({ child }: Started, command: string) => {
  const isSo = () => (command === "test" ? childrenOf(child.pid).some(works) : hasFiles(child.pid))
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode} before it had a file`)
    try {
      if (isSo()) return
    } catch {
      // A process has ended.
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const ways = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
  ["SIGKILL", null]
] as const

describe("in the midst of its work", () => {
  it.each(begun)(
    "ktstr %s leaves nothing by any signal, and by SIGKILL nothing that ktstr cleanup does not remove",
    async (_, args) => {
      const ended = ways.map(async ([signal, code]) => {
        const command = start(args(), { cwd: folder, env })
        await isAtWork(command, args()[0] ?? "")
        command.child.kill(signal)
        const end = await command.ended
        expect([end.code, end.signal], `${signal}: ${end.stderr}`).toEqual([code, code === null ? signal : null])
      })
      await Promise.all(ended)
      expect((await leftovers()).processes).toEqual([])
      expect((await ktstr(["cleanup", "--json"])).code).toBe(0)
      await leavesNothing()
    }
  )
})

describe("at its end", () => {
  it("ktstr leaves nothing, in good order or with an error", async () => {
    const quick: ReadonlyArray<readonly [args: ReadonlyArray<string>, code: number]> = [
      [["exec", ...machine, "true"], 0],
      [["exec", ...machine, "exit 3"], 3],
      [["exec", ...machine, "kill -9 $$"], 137],
      [["run", "no-such-scenario"], 64],
      [["run", "steady", "--kernel", "/dev/null"], 64],
      [["run", "steady", "--scheduler", "/dev/null"], 69],
      [["test", "no-such.ktstr.ts"], 64],
      [["explore", "no-such-scenario"], 64],
      [["replay", "no-such.json"], 64],
      [["kernel", "fetch", "distro:no-such-suite/no-such-package"], 69],
      [["kernel", "build", "/dev/null"], 64],
      [["kernel", "list"], 0],
      [["list"], 0],
      [["topo"], 0],
      [["locks"], 0]
    ]
    const found: Array<readonly [args: ReadonlyArray<string>, code: number | null]> = []
    for (const [args] of quick) found.push([args, (await ktstr(args, { cwd: folder, env })).code])
    expect(found).toEqual(quick)
    await leavesNothing()
  })
})
