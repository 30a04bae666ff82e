import { execFileSync } from "node:child_process"
import { chmodSync, mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { root } from "./ktstr.ts"
import { asNobody, inNamespace } from "./namespace.ts"

const scratch = mkdtempSync(join(tmpdir(), "test-ktstr-setup-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe("set-up", () => {
  it("does nothing in under 2 s when nothing is missing", () => {
    const began = Date.now()
    const said = execFileSync("node", ["cli/setup/main.mjs"], { cwd: root, encoding: "utf8", stdio: "pipe" })
    expect(said).toBe("")
    expect(Date.now() - began).toBeLessThan(2_000)
  })

  it("says the one line to run, and ends with 69, where it may not install", () => {
    // A PATH with apt-get and nothing else, and a user without rights.
    const path = mkdtempSync(join(scratch, "path-"))
    chmodSync(path, 0o755)
    symlinkSync("/usr/bin/apt-get", join(path, "apt-get"))
    const as = [...asNobody, "env", "-i", `PATH=${path}`, `HOME=${path}`]
    const { code, stderr, stdout } = inNamespace("cli/setup/main.mjs", [], { scratch, as })
    expect(stdout).toBe("")
    expect(stderr.split("\n")).toHaveLength(1)
    expect(stderr).toMatch(
      /^ktstr setup: missing qemu-system-x86.*; run: sudo apt-get install -y --no-install-recommends qemu-system-x86/
    )
    expect(code).toBe(69)
  })
})
