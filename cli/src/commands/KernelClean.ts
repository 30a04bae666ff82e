/**
 * `ktstr kernel clean`: removes kernels from the cache.
 *
 * @since 0.1.0
 */

import { ExitCode } from "@ktstr/core"
import { cleanUp } from "@ktstr/core/host"
import {
  type CacheEntry,
  cleanCacheLeftovers,
  entriesToClean,
  KernelCache,
  listKernelObjects
} from "@ktstr/core/kernel"
import { layerLocalKernels } from "@ktstr/harness"
import { Effect } from "effect"
import { ask, type CommandIo, canAsk } from "../io/index.ts"
import { type Invocation, Settings, UsageError } from "../parse/index.ts"
import { objectsText } from "./Kernel.ts"

const keyOf = (found: CacheEntry): string => (found._tag === "Valid" ? found.entry.key : found.key)

const line = (found: CacheEntry): string =>
  found._tag === "Valid" ? found.entry.key : `${found.key} (corrupt: ${found.corruption.error})`

/**
 * Removes entries after asking on the terminal, or without asking with `--force`. Also removes leftovers of dead processes, abandoned downloads and unused
 * build objects.
 *
 * @since 0.1.0
 * @category commands
 */
export const kernelClean = (invocation: Extract<Invocation, { command: "kernel clean" }>, { out, err }: CommandIo) =>
  Effect.gen(function* () {
    const { keep: named, "corrupt-only": corruptOnly, force, json } = invocation.values
    if (named !== undefined && corruptOnly) {
      return yield* new UsageError({
        message: "--keep and --corrupt-only exclude each other: --corrupt-only keeps every valid entry"
      })
    }
    const keep = named === undefined ? undefined : yield* Settings.wholeNumber("--keep", named, 0, 100_000)
    const cache = yield* KernelCache
    const { kernels } = yield* cache.directories
    // Entries to keep are verified.
    const entries = yield* cache.verify
    const doomed = entriesToClean(entries, { keep, corruptOnly })
    // Downloads that can be resumed, and objects in use, stay if any entries stay.
    const everything = named === undefined && !corruptOnly
    const objects = everything ? yield* listKernelObjects(kernels) : []
    if (doomed.length + objects.length > 0 && !force) {
      const what = `${doomed.length} of ${entries.length} entries of ${kernels}${objects.length === 0 ? "" : ` and ${objectsText(objects)}`}`
      if (!canAsk({ err })) {
        return yield* new UsageError({
          message: `ktstr kernel clean would remove ${what}: without a terminal to ask on it needs --force`
        })
      }
      yield* err.write(`${doomed.map((found) => `  ${line(found)}\n`).join("")}`)
      if (!(yield* ask(`Remove ${what}? [y/N] `))) {
        yield* err.write("nothing was removed\n")
        return ExitCode.pass
      }
    }
    yield* Effect.forEach(doomed, (found) => cache.remove(keyOf(found)))
    const remains = corruptOnly
      ? []
      : [
          ...(yield* cleanUp([{ directory: kernels, kind: "cache" }])).removed,
          ...(yield* cleanCacheLeftovers(kernels, { fresh: everything }))
        ].map(({ path }) => path)
    const removed = doomed.map(keyOf)
    const kept = entries.map(keyOf).filter((key) => !removed.includes(key))
    yield* json
      ? out.write(`${JSON.stringify({ directory: kernels, removed, kept, remains }, undefined, 2)}\n`)
      : out.write(
          `${[...doomed.map(line), ...remains].map((what) => `removed ${what}\n`).join("")}${removed.length} removed, ${kept.length} kept in ${kernels}\n`
        )
    const left = everything ? yield* listKernelObjects(kernels) : []
    if (left.length > 0) {
      yield* err.write(`left ${objectsText(left)}: a kernel is being built, or ${kernels} is not writable\n`)
    }
    return ExitCode.pass
  }).pipe(Effect.provide(layerLocalKernels))
