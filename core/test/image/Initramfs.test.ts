import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { ConfigProvider, Effect, Either } from "effect"
import { type CpioEntry, decodeCpio } from "../../src/image/Cpio.ts"
import { packBase, packRun } from "../../src/image/Initramfs.ts"

const inFolder = <A, E>(body: (root: string) => Effect.Effect<A, E, NodeContext.NodeContext>): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const root = mkdtempSync(join(tmpdir(), "ktstr-initramfs-"))
      writeFileSync(join(root, "agent"), "the agent")
      mkdirSync(join(root, "scratch"))
      return root
    }),
    (root) =>
      body(root).pipe(
        Effect.provide(NodeContext.layer),
        Effect.withConfigProvider(
          ConfigProvider.fromMap(
            new Map([
              ["KTSTR_CACHE_DIR", join(root, "cache")],
              ["PATH", "/usr/bin:/bin"]
            ])
          )
        )
      ),
    (root) => Effect.sync(() => rmSync(root, { recursive: true }))
  )

const members = (file: string): ReadonlyMap<string, CpioEntry> =>
  new Map(Either.getOrThrow(decodeCpio(new Uint8Array(readFileSync(file)))).map((entry) => [entry.path, entry]))

describe("packBase", () => {
  it.effect("holds the agent, its directories and the devices, once in the cache", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        const options = { agent: join(root, "agent"), scratch: join(root, "scratch") }
        const base = yield* packBase(options)
        expect(base.warnings).toEqual([])
        expect(base.path).toMatch(/\/cache\/\.initramfs\/[0-9a-f]{32}\.cpio$/)
        expect(yield* packBase(options)).toEqual(base)
        expect(readdirSync(join(root, "cache/.initramfs"))).toHaveLength(1)
        const found = members(base.path)
        expect(found.get("init")).toMatchObject({ _tag: "File", permissions: 0o755 })
        expect(found.get("dev/console")).toMatchObject({ _tag: "CharDevice", major: 5, minor: 1 })
        expect(found.get("ktstr")).toMatchObject({ _tag: "Directory" })
        writeFileSync(join(root, "agent"), "another agent")
        expect((yield* packBase(options)).path).not.toBe(base.path)
        expect(readdirSync(join(root, "scratch"))).toEqual([])
      })
    )
  )

  it.effect("brings includes with their libraries, every directory before what it holds", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        writeFileSync(join(root, "notes"), "notes")
        const base = yield* packBase({
          agent: join(root, "agent"),
          busybox: { path: "/bin/busybox", applets: ["/bin/sh", "/usr/bin/awk", "/usr/bin/env"] },
          includes: ["env", `${root}/notes:/opt/deep/notes`],
          files: [{ path: "/etc/hostname", content: new TextEncoder().encode("guest\n") }],
          scratch: join(root, "scratch")
        })
        const found = members(base.path)
        const order = [...found.keys()]
        // The include goes before the applet.
        expect(order.filter((path) => path === "usr/bin/env")).toHaveLength(1)
        expect(order).toContain("usr/bin/awk")
        for (const path of ["usr/bin/env", "opt/deep/notes", "etc/hostname", "bin/busybox", "bin/sh"]) {
          expect(order).toContain(path)
          const parent = path.slice(0, path.lastIndexOf("/"))
          expect(order.indexOf(parent)).toBeGreaterThanOrEqual(0)
          expect(order.indexOf(parent)).toBeLessThan(order.indexOf(path))
        }
        expect(order.some((path) => path.endsWith("/libc.so.6"))).toBe(true)
        expect(order.filter((path) => path.endsWith("/ld-linux-x86-64.so.2"))).toHaveLength(1)
      })
    )
  )

  it.effect("falls back to the run's directory when the cache cannot be written", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        writeFileSync(join(root, "cache"), "no directory")
        const base = yield* packBase({ agent: join(root, "agent"), scratch: join(root, "scratch") })
        expect(base.path.startsWith(join(root, "scratch"))).toBe(true)
        expect(base.warnings).toEqual([
          `the initramfs is not cached: cache directory ${root}/cache/.initramfs is not a directory: set KTSTR_CACHE_DIR to a writable directory`
        ])
        expect(members(base.path).has("init")).toBe(true)
      })
    )
  )

  it.effect("names the file that is missing", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(packBase({ agent: join(root, "none"), scratch: join(root, "scratch") }))
        expect(error.message).toContain(`can't read ${root}/none`)
      })
    )
  )
})

describe("packRun", () => {
  it.effect("writes the plan where the agent looks for it", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        const plan = new Uint8Array([1, 2, 3])
        const found = members(yield* packRun({ plan, scratch: join(root, "scratch") }))
        expect([...found.keys()]).toEqual(["ktstr", "ktstr/plan"])
        expect(found.get("ktstr/plan")).toMatchObject({ data: plan })
      })
    )
  )
})
