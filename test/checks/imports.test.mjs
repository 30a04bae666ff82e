// The check of imports on a copy of the tree, as it is and with offences planted.
import { execFile } from "node:child_process"
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, expect, it } from "vitest"
import { floorPlans } from "./floors.mjs"

const root = fileURLToPath(new URL("../..", import.meta.url))
const patience = 120_000
let copy

const check = (...words) =>
  new Promise((resolve) => {
    execFile(process.execPath, ["test/checks/imports.mjs", ...words], { cwd: copy }, (error, stdout, stderr) =>
      resolve({ status: error?.code ?? 0, stdout, stderr })
    )
  })

/** A line to append to a file, and the check's message. */
const plants = [
  [
    "core/src/base/Crc32.ts",
    'import {} from "../run/index.ts"',
    "the arrow runs up: base is on floor 0, run on floor 9"
  ],
  ["core/src/run/RunEvent.ts", 'import {} from "../base/Crc32.ts"', "reaches into the room base: import its index.ts"],
  [
    "plugins/kernel-sources/src/http/Proxy.ts",
    'import {} from "../build/index.ts"',
    "the arrow runs up: http is on floor 0, build on floor 2"
  ],
  [
    "cli/src/io/Question.ts",
    'import {} from "../runs/index.ts"',
    "the arrow runs up: io is on floor 1, runs on floor 3"
  ],
  ["cli/src/Main.ts", 'import {} from "./runs/Session.ts"', "reaches into a room"],
  [
    "native/agent/wire/frame.c",
    '#include "session/session.h"',
    "the arrow runs up: wire is on floor 1, session on floor 6"
  ],
  // Not even to reach the agent's whole state.
  [
    "native/agent/scheduler/end.h",
    '#include "session/agent.h"',
    "the arrow runs up: scheduler is on floor 5, session on floor 6"
  ],
  ["native/agent/wire/event.c", '#include "wire/ring.h"', "a header of the same room goes by its name alone"]
]

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "ktstr-imports-"))
  const built = /\/(node_modules|dist)$|\/native\/\w+\/build$/
  for (const folder of ["core/src", "plugins", "native", "cli/src", "test/checks"]) {
    mkdirSync(join(copy, folder), { recursive: true })
    cpSync(join(root, folder), join(copy, folder), { recursive: true, filter: (path) => !built.test(path) })
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"))
})

afterAll(() => rmSync(copy, { recursive: true, force: true }))

it("finds no offence in the tree, and prints its floor plans", { timeout: patience }, async () => {
  const { status, stdout, stderr } = await check("--plan")
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
  expect(stdout).toMatch(/^11 {2}report /m)
  expect(stdout).toMatch(/^ 3 {2}sources /m)
  expect(stdout).toMatch(/^ 4 {2}commands /m)
  expect(stdout).toMatch(/^ 6 {2}session /m)
  expect(stdout).toMatch(/38 rooms, 0 circles, 0 offences\n$/)
})

it("prints the floor plans that CONTRIBUTING.md shows", { timeout: patience }, async () => {
  const words = (text) =>
    text
      .replaceAll(/ \d+ files/g, " ")
      .split("\n")
      .map((line) => line.trim().split(/ +/).join(" "))
  const plans = words((await check("--plan")).stdout)
  const shown = words(readFileSync(join(root, "CONTRIBUTING.md"), "utf8")).filter((line) =>
    /^\d+ [a-z]+ [a-z]/.test(line)
  )
  expect(shown.length).toBeGreaterThan(15)
  for (const line of shown) expect(plans).toContain(line)
})

it("fails on each offence that is planted, and on no other", { timeout: patience }, async () => {
  for (const [file, line] of plants) appendFileSync(join(copy, file), `${line}\n`)
  // Two files of one room that import each other.
  appendFileSync(join(copy, "plugins/kernel-sources/src/codec/Lz4.ts"), 'import {} from "./Zstd.ts"\n')
  appendFileSync(join(copy, "plugins/kernel-sources/src/codec/Zstd.ts"), 'import {} from "./Lz4.ts"\n')
  const { status, stderr } = await check()
  expect(status).toBe(1)
  for (const [file, , why] of plants) {
    expect(stderr.split("\n").filter((line) => line.startsWith(`${file}:`))).toEqual([expect.stringContaining(why)])
  }
  expect(stderr.split("\n")).toContain(
    "import each other in a circle: plugins/kernel-sources/src/codec/Lz4.ts, plugins/kernel-sources/src/codec/Zstd.ts"
  )
})

it("finds each room of core among the subpaths of its package, for Node and for Deno", () => {
  const json = (file) => JSON.parse(readFileSync(join(root, file), "utf8"))
  const rooms = floorPlans["core/src"].flat().sort()
  const { ".": whole, ...subpaths } = json("core/package.json").exports
  expect(whole["@ktstr/source"]).toBe("./src/index.ts")
  expect(subpaths).toEqual(
    Object.fromEntries(
      rooms.map((room) => [
        `./${room}`,
        {
          "@ktstr/source": `./src/${room}/index.ts`,
          types: `./dist/types/${room}/index.d.ts`,
          default: `./dist/${room}.js`
        }
      ])
    )
  )
  const { imports } = json("deno.json")
  expect(rooms.map((room) => imports[`@ktstr/core/${room}`])).toEqual(
    rooms.map((room) => `./core/src/${room}/index.ts`)
  )
})
