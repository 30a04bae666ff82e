import { spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { cleanCacheLeftovers } from "../../src/kernel/CacheLeftovers.ts"
import { listKernelObjects } from "../../src/kernel/Objects.ts"

const day = 86_400_000

/** Runs a body in a cache directory with the objects of two trees, one of them last built in eight days ago. */
const withObjects = <A, E>(body: (kernels: string) => Effect.Effect<A, E, NodeContext.NodeContext>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "test-leftovers-"))),
    (kernels) => {
      for (const [name, days] of [
        [".objects-new", 6],
        [".objects-old", 8]
      ] as const) {
        mkdirSync(join(kernels, name, "objects"), { recursive: true })
        writeFileSync(join(kernels, name, "objects/vmlinux"), new Uint8Array(2 ** 20).fill(1))
        const used = new Date(Date.now() - days * day)
        utimesSync(join(kernels, name), used, used)
      }
      return Effect.provide(body(kernels), NodeContext.layer)
    },
    (kernels) => Effect.sync(() => rmSync(kernels, { recursive: true }))
  )

it.live("lists objects of trees with their sizes, those used last first", () =>
  withObjects((kernels) =>
    Effect.gen(function* () {
      const found = yield* listKernelObjects(kernels)
      expect(found.map(({ path }) => path)).toEqual([join(kernels, ".objects-new"), join(kernels, ".objects-old")])
      for (const { bytes } of found) expect(bytes).toBeGreaterThanOrEqual(2 ** 20)
      expect(yield* listKernelObjects(join(kernels, "absent"))).toEqual([])
    })
  )
)

it.live("removes objects that nobody built in for a week, or all, and none with dryRun", () =>
  withObjects((kernels) =>
    Effect.gen(function* () {
      const old = [{ path: join(kernels, ".objects-old"), kind: "objects" }]
      expect(yield* cleanCacheLeftovers(kernels, { dryRun: true })).toEqual(old)
      expect(readdirSync(kernels).filter((name) => name.startsWith(".objects-"))).toHaveLength(2)
      expect(yield* cleanCacheLeftovers(kernels)).toEqual(old)
      expect(yield* cleanCacheLeftovers(kernels, { fresh: true })).toEqual([
        { path: join(kernels, ".objects-new"), kind: "objects" }
      ])
      expect(readdirSync(kernels, { recursive: true })).toEqual([".locks"])
    })
  )
)

/** Runs a body while another process holds a lock of the cache. */
const whileLocked = <A, E, R>(kernels: string, name: string, body: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.promise(async () => {
      mkdirSync(join(kernels, ".locks"), { recursive: true })
      const file = join(kernels, ".locks", `${name}.lock`)
      const holder = spawn("flock", ["--no-fork", file, "sh", "-c", "echo locked; exec cat"], {
        stdio: ["pipe", "pipe", "inherit"]
      })
      const ended = new Promise((resolve) => holder.once("close", resolve))
      await new Promise((resolve) => holder.stdout.once("data", resolve))
      return { holder, ended }
    }),
    () => body,
    ({ holder, ended }) =>
      Effect.promise(() => {
        holder.stdin.end()
        return ended
      })
  )

it.live("leaves objects alone while a kernel is being built", () =>
  withObjects((kernels) =>
    Effect.gen(function* () {
      const building = Effect.gen(function* () {
        expect(yield* cleanCacheLeftovers(kernels, { fresh: true, dryRun: true })).toEqual([])
        expect(yield* cleanCacheLeftovers(kernels, { fresh: true })).toEqual([])
        expect(existsSync(join(kernels, ".objects-new/objects/vmlinux"))).toBe(true)
      })
      yield* whileLocked(kernels, "build", building)
      expect(yield* cleanCacheLeftovers(kernels, { fresh: true })).toHaveLength(2)
    })
  )
)

it.live("leaves tarballs and clones alone while somebody works on them", () =>
  withObjects((kernels) =>
    Effect.gen(function* () {
      const downloads = join(kernels, ".downloads")
      mkdirSync(join(downloads, "git-0123456789ab"), { recursive: true })
      writeFileSync(join(downloads, "linux-6.14.2.tar.xz.part"), "half")
      const downloaded = Effect.map(cleanCacheLeftovers(kernels, { fresh: true }), (removed) =>
        removed.flatMap(({ path, kind }) => (kind === "download" ? [path] : []))
      )
      const clone = yield* whileLocked(kernels, "release-6.14.2", downloaded)
      expect(clone).toEqual([join(downloads, "git-0123456789ab")])
      mkdirSync(join(downloads, "git-0123456789ab"))
      const tarball = yield* whileLocked(kernels, "git-0123456789ab", downloaded)
      expect(tarball).toEqual([join(downloads, "linux-6.14.2.tar.xz.part")])
    })
  )
)
