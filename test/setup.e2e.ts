import { execFileSync } from "node:child_process"
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { root } from "./ktstr.ts"
import { asNobody, inNamespace } from "./namespace.ts"
import { commandOnTerminal } from "./pseudoTerminal.ts"

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

  describe("asks before it installs", () => {
    /** A PATH with apt-get and sudo that write down what they are asked, and nothing else. */
    const stubs = () => {
      const path = mkdtempSync(join(scratch, "stubs-"))
      const log = join(path, "log")
      writeFileSync(log, "")
      chmodSync(path, 0o777)
      chmodSync(log, 0o666)
      const stub = (name: string, body: string) => {
        writeFileSync(join(path, name), `#!/bin/sh\necho "${name} $*" >> ${log}\n${body}\n`)
        chmodSync(join(path, name), 0o755)
      }
      stub("apt-get", "exit 0")
      stub("sudo", 'shift; [ "$1" = true ] && exit 0; exec "$@"')
      const called = () => readFileSync(log, "utf8").split("\n").filter(Boolean)
      return { path, called }
    }
    const command = (path: string, variables: ReadonlyArray<string> = [], args: ReadonlyArray<string> = []) => [
      "/usr/bin/env",
      "-i",
      `PATH=${path}`,
      `HOME=${path}`,
      ...variables,
      process.execPath,
      join(root, "cli/setup/main.mjs"),
      ...args
    ]
    const install = /^apt-get -qq install -y --no-install-recommends qemu-system-x86 /
    const question = "install them? [y/N] "

    it.each(["n", "", "no", "yesterday", "\u0004"])("on a terminal %j installs nothing", async (typed) => {
      const { path, called } = stubs()
      const session = commandOnTerminal(command(path))
      const shown = await session.sees(question)
      expect(shown).toMatch(
        /these Debian packages are missing: qemu-system-x86 .*; to be installed by: apt-get install -y/
      )
      expect(called()).toEqual([])
      session.types(typed === "\u0004" ? typed : `${typed}\n`)
      await session.sees("nothing was installed; run: apt-get install -y --no-install-recommends qemu-system-x86")
      expect((await session.ended).code).toBe(69)
      expect(called()).toEqual([])
    })

    it.each(["y", "YES"])("on a terminal %j installs", async (typed) => {
      const { path, called } = stubs()
      const session = commandOnTerminal(command(path))
      await session.sees(question)
      session.types(`${typed}\n`)
      // The stub installs nothing, which set-up reports.
      await session.sees("is still not there")
      expect((await session.ended).code).toBe(69)
      expect(called()).toEqual([expect.stringMatching(install)])
    })

    it.each<readonly [string, ReadonlyArray<string>, ReadonlyArray<string>]>([
      ["--yes", [], ["--yes"]],
      ["CI", ["CI=true"], []],
      ["KTSTR_SETUP_YES", ["KTSTR_SETUP_YES=1"], []]
    ])("%s answers beforehand, on a terminal too", async (_, variables, args) => {
      const { path, called } = stubs()
      const session = commandOnTerminal(command(path, variables, args))
      const shown = await session.sees("is still not there")
      expect(shown).not.toContain(question)
      expect(shown).toContain("these Debian packages are missing")
      await session.ended
      expect(called()).toEqual([expect.stringMatching(install)])
    })

    /** Ends of set-up without a terminal, of root and of a user whose sudo needs no password. */
    const quiet = (path: string, variables: ReadonlyArray<string>, as: ReadonlyArray<string>) => {
      const env = ["env", "-i", `PATH=${path}`, `HOME=${path}`, ...variables]
      return inNamespace("cli/setup/main.mjs", [], { scratch, as: [...as, ...env] })
    }

    it("without a terminal root installs and says what; a user's sudo is not used, unless CI is set", () => {
      const asRoot = stubs()
      expect(quiet(asRoot.path, [], []).stderr).toContain("these Debian packages are missing")
      expect(asRoot.called()).toEqual([expect.stringMatching(install)])

      const asUser = stubs()
      const { code, stderr } = quiet(asUser.path, [], asNobody)
      expect(stderr).toMatch(
        /no terminal to ask on .*; run: sudo apt-get install -y --no-install-recommends qemu-system/
      )
      expect(code).toBe(69)
      expect(asUser.called()).toEqual(["sudo -n true"])

      const inCi = stubs()
      quiet(inCi.path, ["CI=1"], asNobody)
      expect(inCi.called()).toEqual([
        "sudo -n true",
        expect.stringMatching(/^sudo -n apt-get -qq install/),
        expect.stringMatching(install)
      ])

      const off = stubs()
      expect(quiet(off.path, ["CI=false"], asNobody).code).toBe(69)
      expect(off.called()).toEqual(["sudo -n true"])
    })
  })
})
