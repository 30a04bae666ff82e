// The scripts of docs/embedding.md, unchanged, on each runtime that the page names.
import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { environment, root } from "./ktstr.ts"

const page = readFileSync(join(root, "docs/embedding.md"), "utf8")

/** The fenced block whose first line names this file. */
const script = (name: string): string => {
  const found = [...page.matchAll(/^```(?:js|ts)\n(.*?)^```$/gms)].find(([, text]) => text!.startsWith(`// ${name}:`))
  if (found === undefined) throw new Error(`docs/embedding.md has no script ${name}`)
  return found[1]!
}

const program = (name: string): string => join(root, "node_modules/.bin", name)

let folder = ""
const run = (command: string, ...args: ReadonlyArray<string>): Promise<{ stdout: string; stderr: string }> =>
  new Promise((resolve, reject) => {
    const options = { cwd: folder, env: environment(), timeout: 200_000 }
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, stderr })
      else reject(new Error(`${command} ${args.join(" ")}: ${error.message}\n${stderr}`))
    })
  })

describe("the scripts of docs/embedding.md", { timeout: 240_000 }, () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "test-ktstr-embedding-"))
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }')
    writeFileSync(join(folder, "deno.json"), '{ "nodeModulesDir": "manual" }')
    for (const name of ["verdict.mjs", "seeds.ts"]) writeFileSync(join(folder, name), script(name))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it("have at most 25 lines", () => {
    for (const name of ["verdict.mjs", "seeds.ts"]) expect(script(name).trimEnd().split("\n").length).toBeLessThan(26)
  })

  // Below what Effect's own logger says. In the host's time a busy host may leave the verdict open; that it is right is for other tests.
  const verdict = /^(pass|inconclusive) fair on 1n2l2c1t, kernel \d+\.\d+\S*$/m

  it("boot a machine and print a verdict on Node", async () => {
    expect((await run(process.execPath, "verdict.mjs")).stdout).toMatch(verdict)
  })

  it("boot a machine and print a verdict on Deno", async () => {
    expect((await run(program("deno"), "run", "-A", "verdict.mjs")).stdout).toMatch(verdict)
  })

  it("boot a machine and print a verdict on Bun", async () => {
    expect((await run(program("bun"), "verdict.mjs")).stdout).toMatch(verdict)
  })

  it("judge a scheduler seed by seed on Deno", async () => {
    const { stderr, stdout } = await run(
      program("deno"),
      ...["run", "-A", "seeds.ts", join(root, "native/bpf/build/scx_ktstr")]
    )
    expect(stdout).toBe("seed 1: pass\nseed 2: pass\n")
    expect(stderr.match(/^Booting$/gm)).toHaveLength(2)
  })
})
