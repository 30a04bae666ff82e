import { execFileSync, spawnSync } from "node:child_process"
import { chmodSync, mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { root } from "./ktstr.ts"

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
    chmodSync(scratch, 0o755)
    symlinkSync("/usr/bin/apt-get", join(scratch, "apt-get"))
    const setup = [process.execPath, "cli/setup/main.mjs"]
    const asNobody =
      process.getuid?.() === 0 ? ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
    const [command, ...args] = [...asNobody, ...setup] as [string, ...Array<string>]
    const ended = spawnSync(command, args, { cwd: root, encoding: "utf8", env: { PATH: scratch, HOME: scratch } })
    expect(ended.stdout).toBe("")
    expect(ended.stderr.trim().split("\n")).toHaveLength(1)
    expect(ended.stderr).toMatch(
      /^ktstr setup: missing qemu-system-x86.*; run: sudo apt-get install -y --no-install-recommends qemu-system-x86/
    )
    expect(ended.status).toBe(69)
  })
})
