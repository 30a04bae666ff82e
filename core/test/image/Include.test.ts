import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { resolveIncludes } from "../../src/image/Include.ts"

const resolve = (root: string, ...specs: ReadonlyArray<string>) =>
  resolveIncludes(specs).pipe(
    Effect.provide(NodeContext.layer),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["PATH", `${root}/bin:/usr/bin:/bin`]])))
  )

/** Runs a test body with a fresh directory under /tmp, which the guest mounts over. */
const inFolder = <A, E>(body: (root: string) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktstr-include-"))),
    body,
    (root) => Effect.sync(() => rmSync(root, { recursive: true }))
  )

describe("resolveIncludes", () => {
  it.effect("finds bare names in PATH and keeps their place", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        const { files } = yield* resolve(root, "env")
        expect(files).toEqual([{ host: "/usr/bin/env", guest: "/usr/bin/env", permissions: 0o755, spec: "env" }])
      })
    )
  )

  it.effect("shelters what the guest mounts over and obeys SOURCE:/guest/path", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        mkdirSync(join(root, "data/deep"), { recursive: true })
        writeFileSync(join(root, "data/a"), "a")
        writeFileSync(join(root, "data/deep/b"), "b", { mode: 0o700 })
        spawnSync("mkfifo", [join(root, "data/fifo")])
        const guests = (...specs: ReadonlyArray<string>) =>
          Effect.map(resolve(root, ...specs), ({ files }) =>
            files.map(({ guest, permissions }) => [guest, permissions & 0o700])
          )
        expect(yield* guests(join(root, "data"))).toEqual([
          ["/include-files/data/a", 0o600],
          ["/include-files/data/deep/b", 0o700]
        ])
        expect(yield* guests(`${root}/data:/opt/data`)).toEqual([
          ["/opt/data/a", 0o600],
          ["/opt/data/deep/b", 0o700]
        ])
        expect(yield* guests(`${root}/data/a:/etc/a`, `${root}/data/a:/etc/a`)).toEqual([["/etc/a", 0o600]])
      })
    )
  )

  it.effect("says what is missing or empty in the words of the reference page", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        const message = (...specs: ReadonlyArray<string>) =>
          Effect.map(Effect.flip(resolve(root, ...specs)), (error) => error.message)
        expect(yield* message("no-such-program")).toBe("-i no-such-program: not found in filesystem or PATH")
        expect(yield* message("./missing-file")).toBe("--include-files path not found: ./missing-file")
        mkdirSync(join(root, "empty-dir"))
        const empty = yield* resolve(root, `${root}/empty-dir`)
        expect(empty).toEqual({
          files: [],
          warnings: [`warning: -i ${root}/empty-dir: directory contains no regular files`]
        })
      })
    )
  )

  it.effect("refuses two files for one place, ktstr's own places and places that are mounted over", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        for (const name of ["a", "b"]) {
          mkdirSync(join(root, name))
          writeFileSync(join(root, name, "tool"), name)
        }
        const message = (...specs: ReadonlyArray<string>) =>
          Effect.map(Effect.flip(resolve(root, ...specs)), (error) => error.message)
        expect(yield* message(`${root}/a/tool`, `${root}/b/tool`)).toBe(
          `-i ${root}/a/tool and -i ${root}/b/tool both put a file at /include-files/tool in the guest (${root}/a/tool and ${root}/b/tool): give one another place with SOURCE:/guest/path`
        )
        expect(yield* message(`${root}/a/tool:/ktstr/plan`)).toContain("belongs to ktstr's own agent")
        expect(yield* message(`${root}/a/tool:/init`)).toContain("belongs to ktstr's own agent")
        expect(yield* message(`${root}/a/tool:/tmp/tool`)).toContain("the guest mounts a file system over /tmp/tool")
        expect(yield* message("/dev/null")).toContain("is no regular file")
      })
    )
  )
})
