import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { expect, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { KernelCache, layerKernelCache } from "../../src/kernel/Cache.ts"
import { entriesToClean } from "../../src/kernel/Cleaning.ts"

const layer = layerKernelCache.pipe(Layer.provideMerge(NodeContext.layer))

/** A cache with four valid entries, `a` the oldest, and one for each way of damage that files can have. */
const inDamagedCache = <A, E>(body: (cache: KernelCache["Type"], directory: string) => Effect.Effect<A, E>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktstr clean-"))),
    (directory) =>
      Effect.gen(function* () {
        const cache = yield* KernelCache
        const { directory: made } = yield* cache.store({
          key: "a",
          version: "7.3.4",
          label: "kernel_7_3_4",
          source: { type: "distro", description: "linux", spec: "distro:linux" },
          schedExt: true,
          image: new Uint8Array(4096),
          vmlinux: { _tag: "Absent", reason: "of the test" }
        })
        const text = readFileSync(join(made, "metadata.json"), "utf8")
        const add = (key: string, metadata: string | undefined, damage?: (at: string) => void) => {
          const at = join(directory, key)
          cpSync(made, at, { recursive: true })
          rmSync(join(at, "metadata.json"))
          if (metadata !== undefined) writeFileSync(join(at, "metadata.json"), metadata)
          damage?.(at)
        }
        for (const [index, key] of ["b", "c", "d"].entries()) {
          add(key, text.replace(/"builtAt": "[^"]*"/, `"builtAt": "${2100 + index}-01-01T00:00:00.000Z"`))
        }
        add("missing", undefined)
        add("unreadable", undefined, (at) => mkdirSync(join(at, "metadata.json")))
        add("schema_drift", text.replace(`"schemaVersion": 1`, `"schemaVersion": 9`))
        add("malformed", `${text.slice(0, 20)},,}`)
        add("truncated", text.slice(0, 100))
        add("parse_error", "[]")
        add("image_missing", text, (at) => rmSync(join(at, "bzImage")))
        add("unknown", text, (at) => {
          rmSync(join(at, "bzImage"))
          symlinkSync("bzImage", join(at, "bzImage"))
        })
        return yield* body(cache, directory)
      }).pipe(
        Effect.provide(layer),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["KTSTR_CACHE_DIR", directory]])))
      ),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
  )

const clean = (cache: KernelCache["Type"], options: Parameters<typeof entriesToClean>[1]) =>
  Effect.gen(function* () {
    for (const found of entriesToClean(yield* cache.list, options)) {
      yield* cache.remove(found._tag === "Valid" ? found.entry.key : found.key)
    }
  })

const visible = (directory: string) =>
  readdirSync(directory)
    .filter((name) => name !== ".locks")
    .sort()

it.live("corrupt entries alone are removed when only they are meant", () =>
  inDamagedCache((cache, directory) =>
    Effect.gen(function* () {
      expect((yield* cache.list).filter(({ _tag }) => _tag === "Corrupt")).toHaveLength(8)
      yield* clean(cache, { corruptOnly: true })
      expect(visible(directory)).toEqual(["a", "b", "c", "d"])
    })
  )
)

it.live("the newest valid entries are kept, and a corrupt one takes no place", () =>
  inDamagedCache((cache, directory) =>
    Effect.gen(function* () {
      yield* clean(cache, { keep: 2 })
      expect(visible(directory)).toEqual(["c", "d"])
      yield* clean(cache, {})
      expect(visible(directory)).toEqual([])
    })
  )
)

it.live("nothing outside of the cache is removed", () =>
  inDamagedCache((cache, directory) =>
    Effect.gen(function* () {
      const before = visible(directory)
      for (const key of ["..", ".", "", "../x", ".locks", "absent"]) yield* cache.remove(key)
      expect(visible(directory)).toEqual(before)
    })
  )
)
