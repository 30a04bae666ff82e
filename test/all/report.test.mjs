import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { failureText, readReport, skipText } from "./report.mjs"
import { allowedSkips, reasonToSkip } from "./skips.mjs"

const root = fileURLToPath(new URL("../..", import.meta.url))
const project = mkdtempSync(join(tmpdir(), "test-ktstr-report-"))
afterAll(() => rmSync(project, { recursive: true, force: true }))

const suite = `
import { expect, it } from "vitest"
let tries = 0
it("passes", () => expect(1).toBe(1))
it("passes at its second try", { retry: 1 }, () => expect(++tries).toBe(2))
it("fails", () => expect(1).toBe(2))
it.skip("is left out", () => {})
it.todo("is yet to come")
it("leaves itself out", (context) => context.skip("for a reason of its own"))
`

const reportOf = (name, source) => {
  const json = join(project, `${name}.json`)
  writeFileSync(join(project, `${name}.test.ts`), source)
  const args = ["vitest", "run", "--root", project, name, "--reporter=json", `--outputFile.json=${json}`]
  spawnSync("npx", [...args, "--passWithNoTests"], { cwd: root, encoding: "utf8" })
  return readReport(json, project)
}

describe("the report of a stage", () => {
  beforeAll(() => symlinkSync(join(root, "node_modules"), join(project, "node_modules")))

  it("counts every skip without a known reason as a failure, and names second tries", () => {
    const report = reportOf("mixed", suite)
    expect([report.passed, report.failed, report.skipped]).toEqual([2, 4, 0])
    expect(report.secondTries.map(({ where }) => where)).toEqual(["mixed.test.ts > passes at its second try"])
    expect(report.failures.map(({ where }) => where).sort()).toEqual([
      "mixed.test.ts > fails",
      "mixed.test.ts > is left out",
      "mixed.test.ts > is yet to come",
      "mixed.test.ts > leaves itself out"
    ])
    expect(failureText(report.failures[0])).toMatch(/^mixed\.test\.ts > fails\n {2}AssertionError: expected 1 to be 2/)
  })

  it("fails where a file does not load, and where no test ran", () => {
    expect(reportOf("broken", "import './absent.ts'")).toMatchObject({ passed: 0, failed: 1 })
    expect(reportOf("nothing", "export {}").failed).toBeGreaterThan(0)
    rmSync(join(project, "empty.test.ts"), { force: true })
  })
})

describe("a test that may be skipped", () => {
  it("has a reason only while the reason holds", () => {
    const leaks = "native/test/addon/Leaks.test.ts > closes its files"
    const [kvm] = allowedSkips
    expect(reasonToSkip(leaks)).toBe(kvm?.holds() === true ? kvm.reason : undefined)
    expect(reasonToSkip("core/test/Assert.test.ts > anything")).toBeUndefined()
  })

  it("is told by its reason, and long lists are cut", () => {
    const skips = Array.from({ length: 23 }, (_, n) => ({ where: `file > ${n}`, reason: "there is no KVM" }))
    const text = skipText(skips).split("\n")
    expect(text[0]).toBe("  23 because there is no KVM:")
    expect(text).toHaveLength(22)
    expect(text.at(-1)).toBe("    … and 3 more")
  })
})
