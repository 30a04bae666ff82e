/**
 * Kernels from the distribution's packages.
 *
 * @since 0.1.0
 */
import { type CommandExecutor, FileSystem } from "@effect/platform"
import { didYouMean, sha256Hex } from "@ktstr/core/base"
import { hasSchedExt, kernelHeaderSize, parseKernelImage, unpackKernel } from "@ktstr/core/image"
import {
  compareVersions,
  type FetchOptions,
  KernelCache,
  type KernelEntry,
  KernelError,
  type KernelSource,
  labelOf,
  type RemoteCaches,
  validEntries
} from "@ktstr/core/kernel"
import { Effect, Either, Option } from "effect"
import { type Report, reportTo } from "../build/index.ts"
import { layerKernelCodecs } from "../codec/index.ts"
import { type AptArchive, openAptArchive } from "./AptArchive.ts"
import { readDebConfig, readDebImage } from "./DebImage.ts"
import { candidateSuites, type Distribution, detectDistribution } from "./Distribution.ts"
import { type KernelPackage, matchesPattern, packageRelease, parseDistroSpec, selectPackages } from "./DistroSpec.ts"
import type { SourceServices } from "./SourceLayer.ts"

/** Maximum number of releases tried in a suite, newest first: each costs a download. */
const maxTries = 3

const prefix = "distro:"

/** Returns cached entries that a spec would have fetched, newest first. */
const fitting = (entries: ReadonlyArray<KernelEntry>, spec: string | undefined): ReadonlyArray<KernelEntry> => {
  const wanted = parseDistroSpec(spec)
  return entries
    .filter(({ metadata }) => {
      const origin = parseDistroSpec(metadata.source.spec)
      return (
        metadata.source.type === "distro" &&
        (wanted.suite === undefined || wanted.suite === origin.suite) &&
        (wanted.pattern === undefined
          ? metadata.schedExt === true
          : matchesPattern(wanted.pattern, origin.pattern ?? ""))
      )
    })
    .sort((a, b) => compareVersions(b.metadata.version, a.metadata.version))
}

/**
 * Downloads a package, checks it against the SHA-256 in the archive's index, and returns its path in the archive's directory.
 *
 * @since 0.1.0
 * @category constructors
 */
export const downloadPackage: (
  archive: Pick<AptArchive, "download">,
  wanted: KernelPackage,
  report: Report
) => Effect.Effect<string, KernelError, FileSystem.FileSystem> = Effect.fn("DistroPackages.downloadPackage")(function* (
  archive: Pick<AptArchive, "download">,
  wanted: KernelPackage,
  report: Report
) {
  const fs = yield* FileSystem.FileSystem
  const name = `${wanted.name} ${wanted.version}`
  yield* report("download", name, 0, wanted.size)
  const deb = yield* archive.download(wanted, (bytes) => report("download", name, bytes, wanted.size))
  yield* report("verify", name)
  const bytes = yield* Effect.mapError(
    fs.readFile(deb),
    (cause) =>
      new KernelError({ reason: "Fetch", message: `the downloaded ${deb} cannot be read: ${cause.message}`, cause })
  )
  const sha256 = yield* sha256Hex(bytes)
  if (sha256 !== wanted.sha256) {
    return yield* new KernelError({
      reason: "Fetch",
      message: `${name} has SHA-256 ${sha256} (${bytes.length} bytes), the archive's index says ${wanted.sha256} (${wanted.size} bytes): fetch it again, and tell the mirror's operator if that repeats`
    })
  }
  return deb
})

/**
 * Downloads a package, checks it, and extracts the kernel image.
 *
 * @since 0.1.0
 * @category constructors
 */
export const downloadImage: (
  archive: Pick<AptArchive, "download">,
  wanted: KernelPackage,
  report: Report
) => Effect.Effect<Uint8Array, KernelError, FileSystem.FileSystem | CommandExecutor.CommandExecutor> = Effect.fn(
  "DistroPackages.download"
)(function* (archive: Pick<AptArchive, "download">, wanted: KernelPackage, report: Report) {
  const deb = yield* downloadPackage(archive, wanted, report)
  yield* report("extract", `${wanted.name} ${wanted.version}`)
  return yield* readDebImage(deb)
})

/**
 * Returns the configuration that a kernel was built with, from its image's package or that of its headers (2 MB). Schedulers that read values of it
 * don't load without it; everything else works, so a missing configuration is not an error.
 */
const fetchConfig = Effect.fn("DistroPackages.fetchConfig")(
  function* (archive: AptArchive, wanted: KernelPackage, deb: string, report: Report) {
    const own = yield* readDebConfig(deb)
    if (own !== undefined) return own
    const release = packageRelease(wanted.name)
    const headers = release === undefined ? undefined : yield* archive.find(wanted.suite, `linux-headers-${release}`)
    if (headers === undefined) return undefined
    return yield* readDebConfig(yield* downloadPackage(archive, headers, report))
  },
  Effect.orElseSucceed(() => undefined)
)

const storeImage = Effect.fn("DistroPackages.store")(function* (
  wanted: KernelPackage,
  image: Uint8Array,
  config: Effect.Effect<Uint8Array | undefined, never, FileSystem.FileSystem | CommandExecutor.CommandExecutor>,
  requireSchedExt: boolean,
  report: Report
) {
  const cache = yield* KernelCache
  const name = `${wanted.name} ${wanted.version}`
  const parsed = yield* Effect.mapError(
    parseKernelImage(image.subarray(0, kernelHeaderSize), image.length),
    (cause) => new KernelError({ reason: "Fetch", message: `the image of ${name} ${cause.message}`, cause })
  )
  const release =
    (parsed._tag === "BzImage" ? parsed.header.release : "") || packageRelease(wanted.name) || wanted.version
  yield* report("unpack", name)
  const unpacked = yield* Effect.either(unpackKernel(image))
  const schedExt = Either.isRight(unpacked) ? hasSchedExt(unpacked.right) : null
  if (requireSchedExt && schedExt !== true) return Option.none<KernelEntry>()
  yield* report("store", release)
  const entry = yield* cache.store(
    {
      key: `${release}-distro-x86_64`,
      version: release,
      label: labelOf("distro", release),
      source: {
        type: "distro",
        description: `${name} (${wanted.suite})`,
        spec: `${prefix}${wanted.suite}/${wanted.name}`
      },
      schedExt,
      config: yield* config,
      image,
      vmlinux: Either.isRight(unpacked)
        ? { _tag: "Elf", bytes: unpacked.right }
        : { _tag: "Absent", reason: `the image ${unpacked.left.message}` }
    },
    { replace: true }
  )
  return Option.some(entry)
})

const nothingFits = (
  distribution: Distribution,
  spec: string | undefined,
  suites: ReadonlyArray<string>,
  seen: ReadonlyArray<KernelPackage>
): KernelError => {
  const wanted = parseDistroSpec(spec)
  const where = `${distribution.origin} ${suites.join(", ")}`
  if (wanted.pattern === undefined) {
    return new KernelError({
      reason: "Fetch",
      message: `no kernel with sched_ext in ${where}: name another suite with distro:SUITE/PACKAGE-PATTERN or give a kernel with --kernel PATH`
    })
  }
  const names = seen.map((candidate) => candidate.name)
  const close = didYouMean(wanted.pattern, names) ?? selectPackages(undefined, seen)[0]?.name
  return new KernelError({
    reason: "Named",
    message: `no kernel package matches '${wanted.pattern}' in ${where}${close === undefined ? "" : `; did you mean '${close}'?`}`
  })
}

const fetchFresh = Effect.fn("DistroPackages.fetchFresh")(function* (options: FetchOptions, report: Report) {
  const cache = yield* KernelCache
  const distribution = yield* detectDistribution
  const wanted = parseDistroSpec(options.spec)
  yield* report("index", distribution.codename)
  const archive = yield* openAptArchive(distribution)
  const suites =
    wanted.suite !== undefined
      ? [wanted.suite]
      : candidateSuites(
          distribution,
          distribution.origin === "Debian" ? yield* archive.codename("stable") : distribution.codename
        )
  const seen: Array<KernelPackage> = []
  const failures: Array<KernelError> = []
  for (const suite of suites) {
    yield* report("index", suite)
    const listed = yield* Effect.either(archive.kernels(suite))
    if (Either.isLeft(listed)) {
      // A suite that does not exist (backports of a young release) is skipped; it is an error if no suite can be reached.
      failures.push(listed.left)
      continue
    }
    seen.push(...listed.right)
    const releases = new Set<string>()
    for (const candidate of selectPackages(wanted.pattern, listed.right)) {
      const release = packageRelease(candidate.name) ?? candidate.name
      if (releases.has(release)) continue
      if (releases.size === maxTries) break
      releases.add(release)
      const cached = fitting(validEntries(yield* cache.list), `${prefix}${suite}/${candidate.name}`)[0]
      const same = cached?.metadata.source.description === `${candidate.name} ${candidate.version} (${suite})`
      if (same && cached.config !== undefined) return cached
      const deb = yield* downloadPackage(archive, candidate, report)
      yield* report("extract", `${candidate.name} ${candidate.version}`)
      const image = yield* readDebImage(deb)
      const config = fetchConfig(archive, candidate, deb, report)
      const stored = yield* storeImage(candidate, image, config, wanted.pattern === undefined, report)
      if (Option.isSome(stored)) return stored.value
    }
  }
  return yield* failures.length === suites.length && failures[0] !== undefined
    ? failures[0]
    : nothingFits(distribution, options.spec, suites, seen)
})

/**
 * Fetches a distribution kernel into the cache; by default the newest one with sched_ext that the archive offers. Without `refresh` a
 * matching cached entry is returned without network access.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fetchKernel: (
  options: FetchOptions
) => Effect.Effect<KernelEntry, KernelError, Exclude<SourceServices, RemoteCaches>> = Effect.fn("DistroPackages.fetch")(
  function* (options: FetchOptions) {
    const cache = yield* KernelCache
    const report = reportTo(options.onProgress)
    const cached = Effect.map(cache.list, (entries) =>
      options.refresh === true ? undefined : fitting(validEntries(entries), options.spec)[0]
    )
    const hit = yield* cached
    if (hit !== undefined) return hit
    return yield* cache.exclusively(
      "fetch",
      report("waiting", "a kernel")
    )(
      // The process that held the lock may have fetched it.
      Effect.flatMap(cached, (found) =>
        found !== undefined ? Effect.succeed(found) : Effect.scoped(fetchFresh(options, report))
      )
    )
  },
  Effect.provide(layerKernelCodecs)
)

/**
 * @since 0.1.0
 * @category constructors
 */
export const makeDistroPackages: Effect.Effect<KernelSource, never, SourceServices> = Effect.map(
  Effect.context<SourceServices>(),
  (context) => ({
    name: "distro",
    description: "a package of the distribution: distro:[SUITE/]PACKAGE-PATTERN",
    accepts: (spec) => spec.startsWith(prefix),
    fetch: (options) => Effect.provide(fetchKernel(options), context)
  })
)
