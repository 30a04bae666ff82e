// The kernel cache used by separate processes: many at once, and some that are killed.
import { createHash } from "node:crypto"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { KernelResolver } from "@ktstr/core"
import { inspectKernel } from "@ktstr/core/image"
import {
  type CacheEntry,
  KernelCache,
  layerKernelCache,
  layerKernelResolver,
  layerKernelSources
} from "@ktstr/core/kernel"
import { ConfigProvider, Effect, Layer } from "effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import { bundleStorer, startStorer } from "./storers.ts"

const scratch = mkdtempSync(join(tmpdir(), "ktstr-processes-"))
const program = join(scratch, "storer.mjs")

beforeAll(() => bundleStorer(program), 60_000)
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const inCache = <A>(
  directory: string,
  effect: Effect.Effect<A, unknown, KernelCache | KernelResolver | NodeContext.NodeContext>
) =>
  effect.pipe(
    Effect.provide(
      layerKernelResolver.pipe(
        Layer.provide(layerKernelSources),
        Layer.provideMerge(layerKernelCache),
        Layer.provideMerge(NodeContext.layer)
      )
    ),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["KTSTR_CACHE_DIR", directory]]))),
    Effect.runPromise
  )

/** The keys of the entries; rejects when one is corrupt, or valid and yet not what a boot needs. */
const checkedKeys = (directory: string) =>
  inCache(
    directory,
    Effect.gen(function* () {
      const entries: ReadonlyArray<CacheEntry> = yield* Effect.flatMap(KernelCache, (cache) => cache.list)
      const resolver = yield* KernelResolver
      return yield* Effect.forEach(entries, (found) =>
        Effect.gen(function* () {
          if (found._tag === "Corrupt") return yield* Effect.fail(`${found.key} is corrupt: ${found.corruption.error}`)
          const { entry } = found
          const { config, image, vmlinux } = entry.metadata
          for (const record of [image, vmlinux, config]) {
            const bytes = readFileSync(join(entry.directory, record?.file ?? "not there"))
            expect(bytes).toHaveLength(record?.size ?? -1)
            expect(createHash("sha256").update(bytes).digest("hex")).toBe(record?.sha256)
          }
          // Requests of a run before the machine starts.
          const kernel = yield* resolver.resolve(entry.key)
          expect((yield* inspectKernel(kernel.image))._tag).toBe("BzImage")
          expect((yield* inspectKernel(kernel.vmlinux ?? ""))._tag).toBe("Vmlinux")
          return entry.key
        })
      )
    })
  )

/** What is beside the entries. */
const hidden = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.startsWith(".") && name !== ".locks")
    .sort()

it("eight processes that store one key at once leave one whole entry", async () => {
  const directory = join(scratch, "eight")
  const storers = Array.from({ length: 8 }, (_, index) => startStorer(program, directory, index + 1, "same"))
  const ends = await Promise.all(storers.map(({ ended }) => ended))
  expect(ends.map(({ code }) => code)).toEqual(Array(8).fill(0))
  expect(await checkedKeys(directory)).toEqual(["same"])
  const last = createHash("sha256")
    .update(readFileSync(join(directory, "same/bzImage")))
    .digest("hex")
  // Each process got the true result of its store: eight different images, of which the last one stays.
  const stored = ends.map(({ said }) => /stored (\S+)/.exec(said)?.[1])
  expect(new Set(stored).size).toBe(8)
  expect(stored).toContain(last)
  expect(hidden(directory)).toEqual([])
})

it("a store killed at any of fifty moments leaves no entry that is not whole", { timeout: 240_000 }, async () => {
  const directory = join(scratch, "killed")
  const whole = startStorer(program, directory, 0, "kept", "same")
  await whole.begins
  const began = performance.now()
  expect((await whole.ended).code).toBe(0)
  const lasts = (performance.now() - began) / 2
  let cut = 0
  for (let round = 0; round < 10; round++) {
    // New entries and replaced ones, side by side.
    const keys = ["same", "same", "new-1", "new-2", "new-3"]
    const killed = keys.map(async (key, index) => {
      const { child, begins, ended } = startStorer(program, directory, 5 * round + index, key)
      await begins
      const delay = Math.random() * lasts * 1.1
      await new Promise((resolve) => setTimeout(resolve, delay))
      child.kill("SIGKILL")
      const stored = (await ended).said.includes("stored")
      if (!stored) cut++
      return { key, stored, moment: `${key} after ${delay.toFixed(1)} ms${stored ? ", stored" : ""}` }
    })
    const kills = await Promise.all(killed)
    const left = await checkedKeys(directory).catch((error: unknown) => {
      throw new Error(`killed: ${kills.map(({ moment }) => moment).join("; ")}: ${error}`)
    })
    expect(left).toContain("kept")
    for (const { key, stored } of kills) if (stored && key !== "same") expect(left).toContain(key)
    for (const key of new Set(keys)) if (key !== "same") rmSync(join(directory, key), { recursive: true, force: true })
  }
  // Most of them were in the middle of it, or this shows nothing.
  expect(cut).toBeGreaterThan(20)
  const { code } = await startStorer(program, directory, 99, "same").ended
  expect(code).toBe(0)
  expect(await checkedKeys(directory)).toContain("same")
  // The next store sweeps up; a lock's holder may be a moment behind its killed owner.
  for (let waited = 0; hidden(directory).length > 0 && waited < 5000; waited += 50) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  expect(hidden(directory)).toEqual([])
})
