/**
 * Kernels from kernel.org: finds the release, checks its tarball against the list of checksums, builds it and caches the result.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import { type CommandExecutor, FileSystem, type HttpClient, Path } from "@effect/platform"
import {
  downloadDirectory,
  type FetchOptions,
  KernelCache,
  type KernelEntry,
  KernelError,
  type KernelSource,
  labelOf
} from "@ktstr/core/kernel"
import { Effect, Either, Exit, Option, Stream } from "effect"
import {
  type BuildOptions,
  buildKernel,
  builtOr,
  checkBuildTools,
  type Report,
  reportTo,
  type WantedKernel
} from "../build/index.ts"
import { type DownloadError, downloadFile, downloadText, layerHttp } from "../http/index.ts"
import { kernelOrgAddresses, releaseIndexUrl, tarballDirectoryUrl } from "./KernelOrgAddresses.ts"
import { readChecksums, warnUnlisted, warnUnverified } from "./KernelOrgChecksums.ts"
import {
  type KernelOrgSpec,
  livingSeries,
  newestRelease,
  parseKernelOrgSpec,
  parseReleaseIndex,
  type ReleaseIndex,
  releasesInRange,
  seriesOfChecksums,
  seriesRelease
} from "./KernelOrgIndex.ts"
import type { SourceServices } from "./SourceLayer.ts"

/** Services for requests to kernel.org: a client, and gpgv on files if the user gave a keyring. */
type Servers = HttpClient.HttpClient | FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor

const failed = (message: string, cause?: unknown) => new KernelError({ reason: "Fetch", message, cause })

const named = (message: string) => new KernelError({ reason: "Named", message })

const readIndex: Effect.Effect<ReleaseIndex, KernelError, HttpClient.HttpClient> = Effect.gen(function* () {
  const url = yield* releaseIndexUrl
  const text = yield* Effect.mapError(downloadText(url), (cause) => failed(`fetch ${url}: ${cause.message}`, cause))
  const index = yield* Either.mapLeft(parseReleaseIndex(text), (why) => failed(`fetch ${url}: ${why}`))
  const [first] = index.passedOver
  if (first !== undefined) {
    const more = index.passedOver.length > 1 ? ` (and ${index.passedOver.length - 1} more)` : ""
    yield* Effect.logWarning(`${url}: an entry is not usable and was passed over: ${first}${more}`)
  }
  return index
}).pipe(Effect.withSpan("KernelOrg.readIndex"))

const latestHint = (index: Option.Option<ReleaseIndex>, version: string): string => {
  const series = /^\d+\.\d+/.exec(version)?.[0] ?? version
  const latest = Option.flatMap(index, (found) => seriesRelease(found, series))
  return Option.match(latest, { onNone: () => "", onSome: (near) => `. latest ${series}.x: ${near}` })
}

/**
 * Returns the releases that a value of `--kernel` means: one, or for a range all that releases.json lists in it, oldest first. A series that has ended
 * is searched among the tarballs. Only exact versions and release candidates need no network.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolveReleases: (spec: KernelOrgSpec) => Effect.Effect<ReadonlyArray<string>, KernelError, Servers> =
  Effect.fn("KernelOrg.resolveReleases")(function* (spec: KernelOrgSpec) {
    switch (spec._tag) {
      case "Exact":
      case "Candidate":
        return [spec.version]
      case "Newest": {
        const newest = newestRelease(yield* readIndex)
        if (Option.isNone(newest)) return yield* failed("no stable kernel with patch >= 8 found in releases.json")
        return [newest.value]
      }
      case "Series": {
        const index = yield* readIndex
        const listed = seriesRelease(index, spec.series)
        if (Option.isSome(listed)) return [listed.value]
        const ended = seriesOfChecksums((yield* readChecksums(spec.series)).sums, spec.series)
        if (Option.isSome(ended)) return [ended.value]
        return yield* named(
          `version ${spec.series} not found; releases.json lists ${[...livingSeries(index)].join(", ")}`
        )
      }
      case "Range": {
        const index = yield* readIndex
        const found = releasesInRange(index, spec.from, spec.to)
        if (found.length > 0) return found
        return yield* named(
          `no stable or longterm release from ${spec.from} to ${spec.to} in releases.json, which lists ${[...livingSeries(index)].join(", ")}`
        )
      }
    }
  })

const sha256OfFile = Effect.fn("KernelOrg.sha256OfFile")(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const hash = createHash("sha256")
  yield* Stream.runForEach(fs.stream(file, { chunkSize: 2 ** 20 }), (chunk) => Effect.sync(() => hash.update(chunk)))
  return hash.digest("hex")
})

/** The error for a version without a tarball: if kernel.org lists it, the mirror lags. */
const tarballMissing = Effect.fn("KernelOrg.tarballMissing")(function* (
  url: string,
  version: string,
  checksums: string | undefined
) {
  const index = yield* Effect.option(readIndex)
  const isListed = Option.exists(index, ({ releases }) => releases.some((release) => release.version === version))
  const lister = isListed ? yield* releaseIndexUrl : checksums
  if (lister !== undefined) {
    return failed(
      `download ${url}: HTTP 404, though ${lister} lists ${version}: the mirror lags; try again later, or set KTSTR_KERNEL_ORG to another mirror`
    )
  }
  return named(
    version.includes("-rc")
      ? `RC tarball not found: ${url}\n  RC releases are removed from git.kernel.org after the stable version ships.`
      : `version ${version} not found${latestHint(index, version)}`
  )
})

const downloadFailure = (url: string, version: string, checksums: string | undefined) => (cause: DownloadError) => {
  if (cause.status === 404) return Effect.flatMap(tarballMissing(url, version, checksums), Effect.fail)
  const words = `${cause.message}${cause.reason === "Transport" ? "; what came is kept, and a second try goes on from there" : ""}`
  return Effect.fail(failed(`download ${url}: ${words}`, cause))
}

/**
 * Downloads the tarball of a release into a directory and returns its path. A release is checked against `sha256sums.asc`; release
 * candidates, which the git server packs again for each request, have no checksum. A partial download stays for the next try.
 *
 * @since 0.1.0
 * @category constructors
 */
export const downloadTarball: (
  version: string,
  directory: string,
  report: Report
) => Effect.Effect<string, KernelError, Servers> = Effect.fn("KernelOrg.downloadTarball")(function* (
  version: string,
  directory: string,
  report: Report
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const candidate = version.includes("-rc")
  const name = `linux-${version}.tar.${candidate ? "gz" : "xz"}`
  const url = candidate
    ? `${(yield* kernelOrgAddresses).candidates}/torvalds/t/${name}`
    : `${yield* tarballDirectoryUrl(version)}/${name}`
  const file = path.join(directory, name)
  const part = `${file}.part`
  const onDisk = (cause: { readonly message: string }) => failed(`download ${url}: ${cause.message}`, cause)
  yield* Effect.mapError(fs.makeDirectory(directory, { recursive: true }), onDisk)
  yield* report("index", "kernel.org")
  const checksums = candidate ? undefined : yield* readChecksums(version)
  const expected = checksums?.sums.get(name)
  /** Warns about a tarball that is used; a failed download needs no warning. */
  const vouched = checksums === undefined ? warnUnlisted(name, url) : warnUnverified(name, checksums)
  // Left by an interrupted build.
  const present = expected !== undefined && (yield* Effect.orElseSucceed(fs.exists(file), () => false))
  if (present && (yield* Effect.mapError(sha256OfFile(file), onDisk)) === expected) {
    yield* vouched
    return file
  }
  yield* downloadFile(url, part, (done, total) => report("download", name, done, total)).pipe(
    Effect.catchAll(downloadFailure(url, version, expected === undefined ? undefined : checksums?.url))
  )
  if (!candidate) {
    yield* report("verify", name)
    const sha256 = yield* Effect.mapError(sha256OfFile(part), onDisk)
    if (sha256 !== expected) {
      yield* Effect.ignore(fs.remove(part, { force: true }))
      return yield* failed(
        expected === undefined
          ? `download ${url}: sha256sums.asc beside it has no checksum of ${name}; try again in an hour, when the list has caught up`
          : `download ${url}: it has SHA-256 ${sha256}, sha256sums.asc says ${expected}; it was removed: fetch it again`
      )
    }
  }
  yield* Effect.mapError(fs.rename(part, file), onDisk)
  yield* vouched
  return file
})

const release = (version: string) => ({
  label: labelOf(version),
  source: { type: "kernel.org", description: `linux-${version} of kernel.org`, spec: `kernel.org:${version}` }
})

/**
 * Returns the cached kernel of a release, or downloads and builds it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fetchRelease: (
  options: FetchOptions & Pick<BuildOptions, "base" | "jobs" | "cpus">
) => Effect.Effect<KernelEntry, KernelError, HttpClient.HttpClient | SourceServices> = Effect.fn(
  "KernelOrg.fetchRelease"
)(function* (options: FetchOptions & Pick<BuildOptions, "base" | "jobs" | "cpus">) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const cache = yield* KernelCache
  const report = reportTo(options.onProgress)
  const spec = parseKernelOrgSpec(options.spec)
  if (Option.isNone(spec)) {
    return yield* named(
      `'${options.spec}' is no version: write it as 6.14.2, 6.14 or 6.15-rc3, and a tree or tarball with a / in it, as ./linux`
    )
  }
  if (spec.value._tag === "Range") {
    return yield* named(
      `'${options.spec}' is a range where one kernel is wanted: give one version such as ${spec.value.to} (--kernel of \`ktstr run\` and \`ktstr test\` takes a range)`
    )
  }
  const [version] = yield* resolveReleases(spec.value)
  if (version === undefined) return yield* failed(`kernel.org has no release for '${options.spec}'`)
  const base = options.base ?? "tinyconfig"
  const origin = release(version)
  const as = { ...origin, source: { ...origin.source, spec: `${origin.source.spec}:${base}` } }
  const wanted: WantedKernel = {
    spec: as.source.spec,
    label: as.label,
    lock: `release-${version}`,
    name: `kernel ${version}`,
    refresh: options.refresh === true,
    report
  }
  return yield* builtOr(
    wanted,
    Effect.gen(function* () {
      // Report it before the download, not after.
      yield* checkBuildTools(base)
      const { kernels } = yield* cache.directories
      const tarball = yield* downloadTarball(version, path.join(kernels, downloadDirectory), report)
      const { jobs, cpus, onProgress } = options
      // Both caches have been asked.
      const built = yield* buildKernel({ source: tarball, base, jobs, cpus, refresh: true, as, onProgress }).pipe(
        // The user may continue an interrupted build.
        Effect.onExit((exit) =>
          Exit.isInterrupted(exit) ? Effect.void : Effect.ignore(fs.remove(tarball, { force: true }))
        )
      )
      if (built._tag === "Cached") return built.entry
      return yield* failed("kernel built but cache store failed — cannot return image from temporary directory")
    })
  )
})

/**
 * @since 0.1.0
 * @category constructors
 */
export const makeKernelOrg: Effect.Effect<KernelSource, never, SourceServices> = Effect.map(
  Effect.context<SourceServices>(),
  (context): KernelSource => ({
    name: "kernel.org",
    description: "a release, built here: 6.14.2, 6.14 (its latest), 6.15-rc3, or a range 6.12..6.14",
    accepts: (spec) => Option.isSome(parseKernelOrgSpec(spec)),
    fetch: (options) => fetchRelease(options).pipe(Effect.provide(layerHttp), Effect.provide(context)),
    expand: (spec) =>
      Option.match(parseKernelOrgSpec(spec), {
        onSome: (parsed) =>
          parsed._tag === "Range"
            ? resolveReleases(parsed).pipe(Effect.provide(layerHttp), Effect.provide(context))
            : Effect.succeed<ReadonlyArray<string>>([spec]),
        onNone: () => Effect.succeed<ReadonlyArray<string>>([spec])
      })
  })
)
