// The packages as npm packs them, used by a plugin author with nothing but the TypeScript compiler.
import { execFile } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { root } from "./ktstr.ts"

const run = promisify(execFile)
const project = mkdtempSync(join(tmpdir(), "test-ktstr-packages-"))
afterAll(() => rmSync(project, { recursive: true, force: true }))
const packages = join(project, "node_modules/@ktstr")

const plugin = `import { CgroupDef, HoldSpec, Reporter, Step, WorkProgram, WorkType } from "@ktstr/core"
import type { VmSpec } from "@ktstr/core/machine"
import { ktstrTest } from "@ktstr/vitest"
import { defineConfig } from "@ktstr/harness"

const ticker = WorkType.custom(
  "Ticker",
  WorkProgram.make({ body: [WorkProgram.spin(20_000), WorkProgram.sleep("1 millis")] })
)

ktstrTest("ticks", { llcs: 2, maxSpreadPct: 20 }, () => [
  Step.withDefs([CgroupDef.named("a").workType(ticker).workers(2)], HoldSpec.FULL)
])

export const disk: VmSpec["scratchDiskMb"] = 8
export const reporter: typeof Reporter.plugin = Reporter.plugin
export default defineConfig({ plugins: [] })
`

/** Compiles and returns the output. Must not block this process for long, which has to answer its parent. */
const tsc = async (...files: ReadonlyArray<string>): Promise<string> => {
  const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc")
  const options = ["--strict", "--module", "nodenext", "--target", "es2022", "--noEmit", "--listFiles"]
  const ran = run(process.execPath, [compiler, ...options, ...files], { cwd: project, maxBuffer: 2 ** 26 })
  return (await ran.catch((error: { stdout: string }) => error)).stdout
}

beforeAll(async () => {
  await run(process.execPath, [join(root, "cli/setup/declarations.mjs")])
  mkdirSync(packages, { recursive: true })
  const folders = ["core", "native", ...readdirSync(join(root, "plugins")).map((name) => `plugins/${name}`)]
  for (const folder of folders) {
    const { name } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"))
    const options = ["--ignore-scripts", "--silent", "--pack-destination", project]
    const { stdout } = await run("npm", ["pack", ...options], { cwd: join(root, folder) })
    const tarball = stdout.trim().split("\n").at(-1)!
    const target = join(project, "node_modules", name)
    mkdirSync(target, { recursive: true })
    await run("tar", ["-xzf", join(project, tarball), "-C", target, "--strip-components=1"])
  }
  for (const name of ["effect", "@effect/platform", "@effect/platform-node", "vitest", "@types/node"]) {
    mkdirSync(dirname(join(project, "node_modules", name)), { recursive: true })
    symlinkSync(join(root, "node_modules", name), join(project, "node_modules", name))
  }
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "a-plugin", private: true, type: "module" }))
  writeFileSync(join(project, "plugin.ts"), plugin)
}, 300_000)

describe("the packed packages", () => {
  it("have every file that their exports name", () => {
    for (const name of readdirSync(packages)) {
      const { exports } = JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8"))
      for (const entry of Object.values<string | Record<string, string>>(exports)) {
        for (const file of typeof entry === "string" ? [entry] : Object.values(entry)) {
          expect([name, file, existsSync(join(packages, name, file))]).toEqual([name, file, true])
        }
      }
    }
  })

  it("compile for a plugin author, from declarations alone, and a mistake is found", { timeout: 300_000 }, async () => {
    writeFileSync(join(project, "mistake.ts"), plugin.replace("llcs: 2", 'llcs: "two"'))
    const said = (await tsc("plugin.ts", "mistake.ts")).split("\n")
    const errors = said.filter((line) => line.includes("error TS"))
    expect(errors).toEqual([
      expect.stringMatching(/^mistake\.ts\(\d+,\d+\): error TS2322: Type 'string' is not assignable to type 'number/)
    ])
    const ours = said.filter((file) => file.includes("/node_modules/@ktstr/"))
    expect(ours.length).toBeGreaterThan(50)
    expect(ours.filter((file) => !file.endsWith(".d.ts"))).toEqual([])
  })
})
