import { spawnSync } from "node:child_process"
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { ConfigProvider, Deferred, Effect, Exit, Fiber, Layer, Option } from "effect"
import { currentProcess, temporaryPrefix } from "../../src/host/ProcessMark.ts"
import { KernelCache, layerKernelCache, type StoreInput } from "../../src/kernel/Cache.ts"
import type { KernelError } from "../../src/kernel/Error.ts"

const layer = layerKernelCache.pipe(Layer.provideMerge(NodeContext.layer))

/** Runs a test body against a cache directory of its own. */
const inCache = <A, E>(
  body: (cache: KernelCache["Type"], directory: string) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktstr-cache-"))),
    (root) => {
      const directory = join(root, "kernels")
      return Effect.flatMap(KernelCache, (cache) => body(cache, directory)).pipe(
        Effect.provide(layer),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["KTSTR_CACHE_DIR", directory]])))
      )
    },
    (root) => Effect.sync(() => rmSync(root, { recursive: true }))
  )

const input = (key: string, fill = 1): StoreInput => ({
  key,
  version: "7.3.4",
  label: "kernel_distro_7_3_4",
  source: { type: "distro", description: "linux-binary-7.3.4", spec: "distro:linux-binary-7.3.4" },
  schedExt: true,
  image: new Uint8Array(4096).fill(fill),
  vmlinux: { _tag: "Elf", bytes: new Uint8Array(8192).fill(fill) }
})

describe("KernelCache", () => {
  it.live("stores an entry that lookup and list give back", () =>
    inCache((cache, directory) =>
      Effect.gen(function* () {
        expect(yield* cache.list).toEqual([])
        const stored = yield* cache.store(input("a"))
        const found = Option.getOrThrow(yield* cache.lookup("a"))
        expect(found).toEqual(stored)
        expect(readFileSync(found.image)).toHaveLength(4096)
        expect(found.metadata.image.sha256).toMatch(/^[0-9a-f]{64}$/)
        expect(readdirSync(directory).filter((name) => !name.startsWith("."))).toEqual(["a"])
        expect(readdirSync(join(directory, "a")).sort()).toEqual(["bzImage", "metadata.json", "vmlinux"])
      })
    )
  )

  it.live("keeps the configuration of a kernel that was built, and reads entries without one", () =>
    inCache((cache) =>
      Effect.gen(function* () {
        const config = new TextEncoder().encode("CONFIG_SMP=y\n")
        const built = yield* cache.store({ ...input("built"), kconfigHash: "ab".repeat(32), config })
        expect(built.metadata.kconfigHash).toBe("ab".repeat(32))
        expect(readFileSync(join(built.directory, "config"), "utf8")).toBe("CONFIG_SMP=y\n")
        const fetched = yield* cache.store(input("fetched"))
        const file = join(fetched.directory, "metadata.json")
        const { config: _, ...older } = JSON.parse(readFileSync(file, "utf8"))
        writeFileSync(file, JSON.stringify(older))
        expect(Option.getOrThrow(yield* cache.lookup("fetched")).metadata.config).toBe(null)
      })
    )
  )

  it.live("keeps a valid entry of the same key, replaces it when asked and replaces a corrupt one", () =>
    inCache((cache) =>
      Effect.gen(function* () {
        const first = yield* cache.store(input("a", 1))
        expect((yield* cache.store(input("a", 2))).metadata.image.sha256).toBe(first.metadata.image.sha256)
        const second = yield* cache.store(input("a", 2), { replace: true })
        expect(second.metadata.image.sha256).not.toBe(first.metadata.image.sha256)
        rmSync(second.image)
        expect(yield* cache.lookup("a")).toEqual(Option.none())
        expect((yield* cache.store(input("a", 3))).image).toBe(second.image)
        expect(Option.isSome(yield* cache.lookup("a"))).toBe(true)
      })
    )
  )

  it.live("leaves one whole entry and no temporary when many writers store the same key", () =>
    inCache((cache, directory) =>
      Effect.gen(function* () {
        const all = yield* Effect.all(
          Array.from({ length: 6 }, (_, index) => cache.store(input("same", index + 1))),
          { concurrency: "unbounded" }
        )
        expect(new Set(all.map((entry) => entry.metadata.image.sha256)).size).toBe(1)
        expect(readdirSync(directory).sort()).toEqual([".locks", "same"])
        expect(readdirSync(join(directory, ".locks"))).toEqual([])
      })
    )
  )

  it.live("removes what a dead writer left", () =>
    inCache((cache, directory) =>
      Effect.gen(function* () {
        const mark = Option.getOrThrow(yield* Effect.provide(currentProcess, NodeContext.layer))
        const living = `${temporaryPrefix(mark, ".tmp")}1234`
        const dead = `${temporaryPrefix({ ...mark, startTime: mark.startTime - 1 }, ".tmp")}1234`
        for (const name of [living, dead]) mkdirSync(join(directory, name), { recursive: true })
        yield* cache.store(input("a"))
        expect(readdirSync(directory).sort()).toEqual([".locks", living, "a"])
      })
    )
  )

  it.live("names each kind of corruption", () =>
    inCache((cache, directory) =>
      Effect.gen(function* () {
        const { directory: good } = yield* cache.store(input("good"))
        const text = readFileSync(join(good, "metadata.json"), "utf8")
        const spoil = (key: string, metadata: string | undefined, change?: (at: string) => void) => {
          const at = join(directory, key)
          cpSync(good, at, { recursive: true })
          rmSync(join(at, "metadata.json"))
          if (metadata !== undefined) writeFileSync(join(at, "metadata.json"), metadata)
          change?.(at)
        }
        spoil("missing", undefined)
        spoil("unreadable", undefined, (at) => mkdirSync(join(at, "metadata.json")))
        spoil("schema_drift", text.replace(`"schemaVersion": 1`, `"schemaVersion": 9`))
        spoil("schema_drift_shape", text.replace(`"x86_64"`, `"vax"`))
        spoil("malformed", `${text.slice(0, 20)},,}`)
        spoil("truncated", text.slice(0, 100))
        spoil("truncated_empty", "")
        spoil("parse_error", "[]")
        spoil("image_missing", text, (at) => rmSync(join(at, "bzImage")))
        spoil("truncated_image", text, (at) => writeFileSync(join(at, "vmlinux"), "short"))
        spoil("unknown", text, (at) => {
          rmSync(join(at, "bzImage"))
          symlinkSync("bzImage", join(at, "bzImage"))
        })
        spoil("unknown_directory", text, (at) => {
          rmSync(join(at, "vmlinux"))
          mkdirSync(join(at, "vmlinux"))
        })
        writeFileSync(join(directory, "stray-file"), "not an entry")
        const listed = yield* cache.list
        expect(listed[0]).toMatchObject({ _tag: "Valid", entry: { key: "good" } })
        const kinds = Object.fromEntries(
          listed.flatMap((entry) => (entry._tag === "Corrupt" ? [[entry.key, entry.corruption.kind]] : []))
        )
        expect(kinds).toEqual({
          missing: "missing",
          unreadable: "unreadable",
          schema_drift: "schema_drift",
          schema_drift_shape: "schema_drift",
          malformed: "malformed",
          truncated: "truncated",
          truncated_empty: "truncated",
          parse_error: "parse_error",
          image_missing: "image_missing",
          truncated_image: "truncated",
          unknown: "unknown",
          unknown_directory: "unknown"
        })
      })
    )
  )

  it.live("sees damage that leaves sizes as they are, in files touched since they were stored", () =>
    inCache((cache) =>
      Effect.gen(function* () {
        const { directory, image } = yield* cache.store(input("a"))
        const metadata = join(directory, "metadata.json")
        const bytes = readFileSync(image)
        bytes[1000] = 0
        yield* Effect.sleep("20 millis")
        writeFileSync(image, bytes)
        const corruption = {
          kind: "unknown",
          error: expect.stringMatching(/^bzImage damaged: it has SHA-256 [0-9a-f]{12}…, /)
        }
        expect(yield* cache.list).toMatchObject([{ _tag: "Corrupt", key: "a", corruption }])
        expect(yield* cache.lookup("a")).toEqual(Option.none())
        // New times of the metadata represent a disk that corrupted data.
        yield* Effect.sleep("20 millis")
        utimesSync(metadata, new Date(), new Date())
        expect(yield* cache.list).toMatchObject([{ _tag: "Valid" }])
        expect(yield* cache.verify).toMatchObject([{ _tag: "Corrupt", key: "a", corruption }])
        // Another file in its place, older than the entry.
        utimesSync(image, new Date(0), new Date(0))
        expect(yield* cache.list).toMatchObject([{ _tag: "Corrupt", corruption }])
        // It is stored again like any other corrupt entry.
        writeFileSync(image, bytes)
        yield* cache.store(input("a"))
        expect(yield* cache.verify).toMatchObject([{ _tag: "Valid" }])
      })
    )
  )

  it.live("reads a copied cache once", () =>
    inCache((cache, directory) =>
      Effect.gen(function* () {
        const stored = yield* cache.store(input("a"))
        const metadata = join(directory, "copy/metadata.json")
        mkdirSync(join(directory, "copy"))
        cpSync(join(stored.directory, "metadata.json"), metadata)
        yield* Effect.sleep("20 millis")
        for (const file of ["bzImage", "vmlinux"]) cpSync(join(stored.directory, file), join(directory, "copy", file))
        const changed = () => statSync(metadata, { bigint: true }).mtimeNs
        const copied = changed()
        expect(Option.isSome(yield* cache.lookup("copy"))).toBe(true)
        const read = changed()
        expect(read).toBeGreaterThan(copied)
        yield* Effect.sleep("20 millis")
        expect(Option.isSome(yield* cache.lookup("copy"))).toBe(true)
        expect(changed()).toBe(read)
      })
    )
  )

  it.live("never looks up outside its directory", () =>
    inCache((cache) =>
      Effect.gen(function* () {
        yield* cache.store(input("a"))
        for (const key of ["../kernels/a", ".", "..", "", ".locks"]) {
          expect(yield* cache.lookup(key)).toEqual(Option.none())
        }
      })
    )
  )

  it.live("says in one line why the directory cannot be written", () =>
    inCache((cache, directory) =>
      Effect.gen(function* () {
        writeFileSync(directory, "a file where the cache should be")
        const error: KernelError = yield* Effect.flip(cache.store(input("a")))
        expect(error.reason).toBe("Cache")
        expect(error.message).toBe(
          `cache directory ${directory} is not a directory: set KTSTR_CACHE_DIR to a writable directory`
        )
        expect((yield* Effect.flip(cache.list)).message).toContain(`cache directory ${directory}`)
        const nowhere = new Map([["KTSTR_CACHE_DIR", "/proc/ktstr/kernels"]])
        const refused = Effect.withConfigProvider(cache.store(input("a")), ConfigProvider.fromMap(nowhere))
        expect((yield* Effect.flip(refused)).message).toMatch(
          /^cache directory \/proc\/ktstr\/kernels .*KTSTR_CACHE_DIR/
        )
      })
    )
  )

  it.live("runs exclusive sections one after the other and frees the lock on interruption", () =>
    inCache((cache, directory) =>
      Effect.gen(function* () {
        const order: Array<string> = []
        const told = yield* Deferred.make<void>()
        const entered = yield* Deferred.make<void>()
        const waiting: Effect.Effect<void> = Effect.zipRight(
          Effect.sync(() => order.push("b waits")),
          Deferred.succeed(told, undefined)
        )
        const first = yield* Effect.fork(
          cache.exclusively(
            "fetch",
            Effect.void
          )(
            Effect.gen(function* () {
              order.push("a in")
              yield* Deferred.succeed(entered, undefined)
              yield* Deferred.await(told)
              order.push("a out")
            })
          )
        )
        yield* Deferred.await(entered)
        // flock(1) of another program sees the lock.
        expect(spawnSync("flock", ["--nonblock", join(directory, ".locks/fetch.lock"), "true"]).status).toBe(1)
        yield* cache.exclusively("fetch", waiting)(Effect.sync(() => order.push("b in")))
        yield* Fiber.join(first)
        expect(order).toEqual(["a in", "b waits", "a out", "b in"])

        const held = yield* Deferred.make<void>()
        const holder = yield* Effect.fork(
          cache.exclusively("fetch", Effect.void)(Effect.zipRight(Deferred.succeed(held, undefined), Effect.never))
        )
        yield* Deferred.await(held)
        const queued = yield* Deferred.make<void>()
        const waiter = yield* Effect.fork(
          cache.exclusively("fetch", Effect.asVoid(Deferred.succeed(queued, undefined)))(Effect.never)
        )
        yield* Deferred.await(queued)
        expect(Exit.isInterrupted(yield* Fiber.interrupt(waiter))).toBe(true)
        yield* Fiber.interrupt(holder)
        yield* cache.exclusively("fetch", Effect.void)(Effect.sync(() => order.push("c in")))
        expect(order.at(-1)).toBe("c in")
      })
    )
  )

  it.live("reads a cache it may not write", () =>
    inCache((cache, directory) =>
      Effect.gen(function* () {
        yield* cache.store(input("a"))
        chmodSync(directory, 0o555)
        const before = readdirSync(directory)
        expect(Option.isSome(yield* cache.lookup("a"))).toBe(true)
        expect(yield* cache.list).toHaveLength(1)
        expect(readdirSync(directory)).toEqual(before)
        chmodSync(directory, 0o755)
      })
    )
  )
})
