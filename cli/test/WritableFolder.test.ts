import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { writableFolder } from "../src/io/WritableFolder.ts"

const scratch = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "ktstr-writable-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

describe("writableFolder", () => {
  it.scopedLive("takes folders that are there and that can be made, and leaves nothing", () =>
    Effect.gen(function* () {
      const root = yield* scratch
      mkdirSync(join(root, "there"))
      for (const folder of ["there", "there/a/b", "c/d/", "."]) yield* writableFolder("--output", join(root, folder))
      expect(readdirSync(root, { recursive: true })).toEqual(["there"])
    })
  )

  it.scopedLive("says in one line which option names one that can't be written", () =>
    Effect.gen(function* () {
      const root = yield* scratch
      writeFileSync(join(root, "file"), "")
      symlinkSync("nowhere", join(root, "dangling"))
      const message = (folder: string) =>
        Effect.map(Effect.flip(writableFolder("--trace", folder)), (error) => `${error._tag}: ${error.message}`)
      for (const folder of ["file", "file/a/b", "dangling", "dangling/a"].map((name) => join(root, name))) {
        const said = yield* message(folder)
        expect(said).toMatch(/^UsageError: --trace \S+ can't be written: E[A-Z]+: .*; give a folder that can$/)
        expect(said).toContain(`--trace ${folder} `)
      }
      expect(yield* message("/proc/ktstr/a/b")).toMatch(
        /^UsageError: --trace \/proc\/ktstr\/a\/b can't be written: ENOENT/
      )
      expect(existsSync(join(root, "nowhere"))).toBe(false)
    })
  )
})
