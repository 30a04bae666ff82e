/**
 * `ktstr cleanup`: cleans up after killed runs.
 *
 * @since 0.1.0
 */
import { tmpdir } from "node:os"
import { ExitCode } from "@ktstr/core"
import { resolveCacheDirs } from "@ktstr/core/cache"
import { type CleanupReport, cleanUp, type Leftover, type LeftoverPlace } from "@ktstr/core/host"
import { type CacheLeftover, cleanCacheLeftovers } from "@ktstr/core/kernel"
import { layerPlatform } from "@ktstr/harness"
import { cleanUpHostRuns, type HostCleanup, layerAgentBinary } from "@ktstr/native"
import { Effect, Option } from "effect"
import type { CommandIo } from "../io/index.ts"
import type { Invocation } from "../parse/index.ts"

/** Lists the places to clean: /dev/shm for guest memory, the user's and the usual temporary directory, and the caches. */
const places: Effect.Effect<ReadonlyArray<LeftoverPlace>> = Effect.gen(function* () {
  // Without HOME there is no cache to clean.
  const caches = yield* Effect.option(resolveCacheDirs)
  return [
    { directory: "/dev/shm", kind: "shared memory" as const },
    ...[...new Set([tmpdir(), "/tmp"])].map((directory) => ({ directory, kind: "temporary" as const })),
    ...Option.match(caches, {
      onNone: () => [],
      onSome: ({ kernels, initramfs, images }) =>
        [kernels, initramfs, images].map((directory) => ({ directory, kind: "cache" as const }))
    })
  ]
}).pipe(Effect.provide(layerPlatform))

const whose = ({ kind, pid }: Leftover): string => `${kind}, of process ${pid}`

const whyKept = {
  alive: "which runs",
  foreign: "in another PID namespace",
  "other boot": "from another boot",
  dead: ""
}

const remains = {
  lock: "lock that nobody holds",
  download: "abandoned download",
  objects: "build objects unused for a week"
} as const

const render = (
  { removed, kept, failed }: CleanupReport,
  caches: ReadonlyArray<CacheLeftover>,
  host: HostCleanup,
  dryRun: boolean
): string => {
  const lines = [
    ...caches.map(({ path, kind }) => `${dryRun ? "would remove" : "removed"} ${path} (${remains[kind]})`),
    ...host.removed.map(
      ({ path, pid }) => `${dryRun ? "would remove" : "removed"} ${path} (cgroups, of process ${pid})`
    ),
    ...host.kept.map(({ path, pid }) => `left ${path} (cgroups, of process ${pid}, which runs)`),
    ...host.failed.map(({ path, message }) => `can't remove ${path}: ${message}; run it as root`),
    ...removed.map((file) => `${dryRun ? "would remove" : "removed"} ${file.path} (${whose(file)})`),
    ...kept.map((file) => `left ${file.path} (${whose(file)}, ${whyKept[file.owner]})`),
    ...failed.map((file) => `can't remove ${file.path} (${whose(file)}): ${file.message}; run it as the file's owner`)
  ]
  return `${(lines.length === 0 ? ["nothing to clean up"] : lines).join("\n")}\n`
}

/**
 * Removes, or with `--dry-run` lists, what killed runs left behind. Returns 1 if something could not be removed.
 *
 * @since 0.1.0
 * @category commands
 */
export const cleanup = (invocation: Extract<Invocation, { command: "cleanup" }>, { out }: CommandIo) =>
  Effect.gen(function* () {
    const { json, "dry-run": dryRun } = invocation.values
    const report = yield* cleanUp(yield* places, { dryRun })
    const host = yield* Effect.provide(cleanUpHostRuns({ dryRun }), layerAgentBinary)
    const caches = yield* Effect.option(resolveCacheDirs).pipe(
      Effect.flatMap(
        Option.match({
          onNone: () => Effect.succeed([]),
          onSome: ({ kernels }) => cleanCacheLeftovers(kernels, { dryRun })
        })
      )
    )
    const all = { ...report, caches, cgroups: host }
    yield* out.write(json ? `${JSON.stringify(all, undefined, 2)}\n` : render(report, caches, host, dryRun))
    return report.failed.length + host.failed.length === 0 ? ExitCode.pass : ExitCode.fail
  }).pipe(Effect.provide(layerPlatform))
