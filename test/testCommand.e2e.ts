import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { bin, ktstr, leftovers, none, root } from "./ktstr.ts"

const scratch = mkdtempSync(join(tmpdir(), "test-ktstr-tests-"))
beforeAll(() => symlinkSync(join(root, "node_modules"), join(scratch, "node_modules")))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const unfair = `
import { CgroupDef, HoldSpec, Step } from "@ktstr/core"
import { ktstrTest } from "@ktstr/vitest"

ktstrTest("unfair", { topology: "1n1l1c1t", durationS: 1, maxSpreadPct: 15 }, () => [
  Step.withDefs([CgroupDef.named("unfair").workers(1).work({ workers: 1, nice: 19 })], HoldSpec.FULL)
])
ktstrTest("demo_never", {}, "steady")
ktstrTest("needs two LLCs", { constraints: { minLlcs: 2 } }, "steady")
`

describe("ktstr test", () => {
  it("runs the six examples, one of which must fail", async () => {
    const { code, stdout, stderr } = await ktstr(["test", "test/examples", "--format", "json"])
    expect(stderr).not.toMatch(/error/i)
    const { runs } = JSON.parse(stdout)
    expect(runs.map((run: { outcome: string }) => run.outcome)).toEqual(Array(6).fill("pass"))
    expect(code).toBe(0)
    expect(await leftovers()).toEqual(none)
  })

  it("fails with the sentence that says why, at the line of the test", async () => {
    writeFileSync(join(scratch, "unfair.ktstr.ts"), unfair)
    const { code, stdout } = await ktstr(["test", "--clock", "deterministic"], { cwd: scratch })
    expect(stdout).toMatch(
      /^FAIL unfair: cgroup 'unfair': unfair cgroup: spread=\d+% \(\d+-\d+%\) 2 workers on 1 cpus \(threshold 15%\)$/m
    )
    expect(stdout).toMatch(/^ {2}at unfair\.ktstr\.ts:5:1$/m)
    expect(stdout).toMatch(/^SKIP demo_never: a demonstration, run with --demos$/m)
    expect(stdout).toMatch(/needs at least 2 LLCs; topology 1n1l2c1t has 1/)
    expect(stdout).toMatch(/^1 fail, 2 skip$/m)
    expect(code).toBe(1)
  })

  it("says of a file that does not load what is wrong with it, and where", async () => {
    writeFileSync(join(scratch, "broken.ktstr.ts"), 'throw new Error("at the top")\n')
    const { code, stdout } = await ktstr(["test", "broken"], { cwd: scratch })
    expect(stdout).toMatch(/^FAIL broken\.ktstr\.ts: at the top$/m)
    expect(stdout).toMatch(/^ {2}at broken\.ktstr\.ts:1:7$/m)
    expect(code).toBe(64)
    const json = await ktstr(["test", "broken", "--format", "json"], { cwd: scratch })
    expect(json.stderr).toContain("ktstr: broken.ktstr.ts: at the top\n")
    expect(JSON.parse(json.stdout)).toEqual({
      runs: [],
      errors: [{ name: "broken.ktstr.ts", message: "at the top", exitCode: 64 }]
    })
    expect(json.code).toBe(64)
    rmSync(join(scratch, "broken.ktstr.ts"))
  })

  it("refuses a filter that is no expression, by either of its names", async () => {
    for (const filter of [
      ["--filter", "["],
      ["--", "-t", "["]
    ]) {
      const { code, stderr } = await ktstr(["test", ...filter], { cwd: scratch })
      expect(stderr.trim()).toMatch(/^ktstr: [^\n]*\[[^\n]*$/)
      expect(code).toBe(64)
    }
  })

  it("hands what stands after -- to vitest", async () => {
    writeFileSync(join(scratch, "unfair.ktstr.ts"), unfair)
    const { code, stderr, stdout } = await ktstr(["test", "--", "-t", "needs two"], { cwd: scratch })
    expect(stdout).toBe("SKIP needs two LLCs: needs at least 2 LLCs; topology 1n1l2c1t has 1\n")
    expect(stderr).toContain("2 not selected by the filter\n")
    expect(code).toBe(0)
  })

  it("says when there is nothing to run", async () => {
    const { code, stderr } = await ktstr(["test", "no-such-test"], { cwd: scratch })
    expect(stderr.trim()).toBe("ktstr: no *.ktstr.ts file matches no-such-test")
    expect(code).toBe(64)
  })

  it("is not needed: plain vitest runs the same files with the plugin", () => {
    const args = ["vitest", "run", "--root", "test/examples", "-t", "pipe partners"]
    const { status, stdout } = spawnSync("npx", args, {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" }
    })
    expect(stdout).toMatch(/1 passed \| 5 skipped/)
    expect(status).toBe(0)
  })
})

describe("ktstr doctor", () => {
  it("finds everything here, and says what is missing where it is", async () => {
    const { code, stdout } = await ktstr(["doctor", "--json"])
    const { ok, findings } = JSON.parse(stdout)
    expect(findings.filter((finding: { needed: boolean; found: boolean }) => finding.needed && !finding.found)).toEqual(
      []
    )
    expect(ok).toBe(true)
    expect(code).toBe(0)
    const without = await ktstr(["doctor"], { env: { PATH: scratch, KTSTR_CACHE_DIR: join(scratch, "cache") } })
    expect(without.stdout).toMatch(/MISSING +qemu .*not in PATH\n +→ .*apt-get install/)
    expect(without.code).toBe(69)
  })
})

describe("ktstr topo", () => {
  it("counts this machine's CPUs", async () => {
    const { code, stdout } = await ktstr(["topo", "--json"])
    const online = spawnSync("nproc", ["--all"], { encoding: "utf8" }).stdout.trim()
    expect(JSON.parse(stdout).cpus).toHaveLength(Number(online))
    expect(code).toBe(0)
  })
})

describe("a pipe whose reader goes away", () => {
  it("ends the command quietly", () => {
    const script = `"${process.execPath}" "${bin}" list | head -1`
    const { status, stdout, stderr } = spawnSync("sh", ["-c", script], { encoding: "utf8" })
    expect(stdout).toMatch(/^scenario/)
    expect(stderr).toBe("")
    expect(status).toBe(0)
  })
})
