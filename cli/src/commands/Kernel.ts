/**
 * `ktstr kernel fetch` and `ktstr kernel build`: download or build a kernel into the cache.
 *
 * @since 0.1.0
 */

import { CpuSet, ExitCode, type ReporterOutput } from "@ktstr/core"
import {
  type CacheEntry,
  fetchFrom,
  type KernelCache,
  type KernelEntry,
  KernelError,
  type KernelObjects,
  KernelSources,
  type RemoteCaches,
  sourceFor
} from "@ktstr/core/kernel"
import { layerKernels, loadPlugins, type Platform } from "@ktstr/harness"
import {
  type BuildBase,
  type BuiltKernel,
  buildKernel,
  fetchGit,
  fetchRelease,
  isTarballName,
  layerHttp,
  withoutCredentials
} from "@ktstr/kernel-sources"
import { DateTime, Effect } from "effect"
import { fetchLine } from "../io/index.ts"
import { type Invocation, Settings, UsageError } from "../parse/index.ts"

/**
 * Formats bytes as MiB.
 *
 * @since 0.1.0
 * @category rendering
 */
export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`

/**
 * Describes the build objects of trees in a few words, e.g. `the objects of 2 trees (1900.0 MiB)`.
 *
 * @since 0.1.0
 * @category rendering
 */
export const objectsText = (objects: ReadonlyArray<KernelObjects>): string => {
  const trees = objects.length === 1 ? "1 tree" : `${objects.length} trees`
  return `the objects of ${trees} (${mebibytes(objects.reduce((sum, { bytes = 0 }) => sum + bytes, 0))})`
}

/**
 * Returns the size of an image and its ELF in bytes.
 *
 * @since 0.1.0
 * @category accessors
 */
export const sizeOf = ({ metadata }: KernelEntry): number => metadata.image.size + (metadata.vmlinux?.size ?? 0)

/**
 * Returns an entry as `kernel list --json` prints it, without the parts that depend on the date.
 *
 * @since 0.1.0
 * @category conversions
 */
export const entryToJson = (found: CacheEntry) =>
  found._tag === "Corrupt"
    ? {
        key: found.key,
        directory: found.directory,
        valid: false,
        error_kind: found.corruption.kind,
        error: found.corruption.error
      }
    : {
        key: found.entry.key,
        directory: found.entry.directory,
        valid: true,
        version: found.entry.metadata.version,
        label: found.entry.metadata.label,
        arch: found.entry.metadata.arch,
        source: found.entry.metadata.source,
        sched_ext: found.entry.metadata.schedExt,
        image: found.entry.image,
        vmlinux: found.entry.vmlinux ?? null,
        size: sizeOf(found.entry),
        built_at: DateTime.formatIso(found.entry.metadata.builtAt)
      }

const writeEntry = (entry: KernelEntry, json: boolean, { out }: ReporterOutput) =>
  out.write(
    json
      ? `${JSON.stringify(entryToJson({ _tag: "Valid", entry }), undefined, 2)}\n`
      : `${entry.key}: kernel ${entry.metadata.version}, ${mebibytes(sizeOf(entry))}\n${entry.image}\n`
  )

/**
 * Fetches a kernel into the cache from the source that handles `spec`, with progress on `err`.
 *
 * @since 0.1.0
 * @category commands
 */
export const fetchInto = Effect.fn("Kernel.fetch")(function* (
  spec: string | undefined,
  { err }: ReporterOutput,
  refresh = false
) {
  const sources = yield* Effect.flatMap(KernelSources, ({ list }) => list)
  const source = spec === undefined ? sources[0] : yield* sourceFor(sources, spec)
  if (source === undefined) {
    const message = `no kernel source handles '${spec ?? ""}'; give distro:[SUITE/]PACKAGE-PATTERN, git+URL#REF, path:TREE|TARBALL or a version as 6.14.2, 6.14 or 6.15-rc3 (\`ktstr list kernel-sources\` names every source)`
    return yield* new KernelError({ reason: "Named", message })
  }
  const line = fetchLine(err)
  return yield* Effect.ensuring(fetchFrom(source, { spec, refresh, onProgress: line.onProgress }), line.clear)
})

/** Provides what kernels come from, the plugins' sources and caches included. */
const withKernels = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(loadPlugins(process.cwd()), (plugins) => Effect.provide(effect, layerKernels(plugins)))

/**
 * Downloads a kernel into the cache and prints its key and image.
 *
 * @since 0.1.0
 * @category commands
 */
export const kernelFetch = (invocation: Extract<Invocation, { command: "kernel fetch" }>, output: ReporterOutput) =>
  Effect.gen(function* () {
    const entry = yield* fetchInto(invocation.args[0], output, invocation.values.refresh)
    yield* writeEntry(entry, invocation.values.json, output)
    return ExitCode.pass
  }).pipe(withKernels)

type BuildSource =
  | { readonly _tag: "Release"; readonly version: string | undefined }
  | { readonly _tag: "Git"; readonly spec: string }
  | { readonly _tag: "Path"; readonly path: string; readonly origin: string }

/** Returns what to build. At most one source may be named. */
const buildSource = (
  named: string | undefined,
  path: string | undefined,
  git: string | undefined,
  ref: string | undefined
): Effect.Effect<BuildSource, UsageError> => {
  const fail = (message: string) => Effect.fail(new UsageError({ message: `ktstr kernel build ${message}` }))
  const given = [named, path, git].filter((value) => value !== undefined)
  if (given.length > 1) {
    return fail(`takes one of VERSION, --source and --git, got '${given.map(withoutCredentials).join("' and '")}'`)
  }
  if (git !== undefined) return Effect.succeed({ _tag: "Git", spec: `git+${git}${ref === undefined ? "" : `#${ref}`}` })
  if (ref !== undefined) return fail(`takes --ref with --git only, got '${ref}'`)
  if (path !== undefined) return Effect.succeed({ _tag: "Path", path, origin: "--source" })
  if (named?.startsWith("git+")) return Effect.succeed({ _tag: "Git", spec: named })
  const isPath = named !== undefined && (/^(path:|[./])|\//.test(named) || isTarballName(named))
  return Effect.succeed(
    isPath ? { _tag: "Path", path: named.replace(/^path:/, ""), origin: "source" } : { _tag: "Release", version: named }
  )
}

const reservedCpus = (text: string): Effect.Effect<ReadonlyArray<number>, UsageError> =>
  CpuSet.parse(text).pipe(
    Effect.mapError(({ message }) => new UsageError({ message: `--cpus: ${message}` })),
    Effect.map(({ cpus }) => cpus),
    Effect.filterOrFail(
      ({ length }) => length > 0,
      () => new UsageError({ message: `--cpus '${text}' names no CPU: write them as 0-3,8` })
    )
  )

const bases: ReadonlyArray<BuildBase> = ["tinyconfig", "defconfig"]

/**
 * Builds a kernel into the cache and prints its image.
 *
 * @since 0.1.0
 * @category commands
 */
export const kernelBuild = (invocation: Extract<Invocation, { command: "kernel build" }>, output: ReporterOutput) =>
  Effect.gen(function* () {
    const { source: path, git, ref, base: named, jobs, cpus, refresh, json } = invocation.values
    const wanted = yield* buildSource(invocation.args[0], path, git, ref)
    const base = bases.find((known) => known === (named ?? "tinyconfig"))
    if (base === undefined) {
      return yield* new UsageError({ message: `--base must be tinyconfig or defconfig, got '${named}'` })
    }
    const parallel = jobs === undefined ? undefined : yield* Settings.wholeNumber("--jobs", jobs, 1, 4096)
    const reserved = cpus === undefined ? undefined : yield* reservedCpus(cpus)
    const line = fetchLine(output.err)
    const options = { base, jobs: parallel, cpus: reserved, refresh, onProgress: line.onProgress }
    const building: Effect.Effect<BuiltKernel | KernelEntry, KernelError, Platform | KernelCache | RemoteCaches> =
      wanted._tag === "Release"
        ? Effect.provide(fetchRelease({ ...options, spec: wanted.version }), layerHttp)
        : wanted._tag === "Git"
          ? fetchGit({ ...options, spec: wanted.spec })
          : buildKernel({ ...options, source: wanted.path, origin: wanted.origin })
    const built = yield* Effect.ensuring(building, line.clear)
    if (!("_tag" in built)) yield* writeEntry(built, json, output)
    else if (built._tag === "Cached") yield* writeEntry(built.entry, json, output)
    else {
      const { version, image, source } = built
      const text = { key: null, version, label: source.label, image }
      yield* output.out.write(json ? `${JSON.stringify(text, undefined, 2)}\n` : `${image}\n`)
      const why = source.state === "changed" ? "was changed since its last commit" : "is not under git"
      yield* output.err.write(`kernel ${version} is not cached, as its tree ${why}\n`)
    }
    if ("_tag" in built && built.compileCommands !== undefined) {
      yield* output.err.write(`compile_commands.json for editors: ${built.compileCommands}\n`)
    }
    return ExitCode.pass
  }).pipe(withKernels)
