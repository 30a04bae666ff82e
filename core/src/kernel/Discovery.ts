/**
 * The discovery chain behind {@link KernelResolver}.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import { Config, Effect, Either, Layer, Option } from "effect"
import { suggestion } from "../base/index.ts"
import { PayloadCodecs } from "../image/index.ts"
import { KernelCache, validEntries } from "./Cache.ts"
import { KernelError } from "./Error.ts"
import type { CacheEntry, KernelEntry } from "./entry.ts"
import { describeImage } from "./File.ts"
import { expandWith, fetchFrom, openFrom, sourceFor } from "./guardSource.ts"
import { distinctKernels, labelWord } from "./Label.ts"
import { kernelPreference, schedExtAlternativeTo, versionPreference } from "./Preference.ts"
import { KernelResolver, type ResolvedKernel } from "./Resolver.ts"
import { CurrentFragment, KernelProgress, type KernelSource, KernelSources } from "./Source.ts"
import { compareVersions, isVersionPrefix } from "./Version.ts"

const notFound = `no kernel found
  hint: set KTSTR_KERNEL to a kernel source directory, a version (e.g. \`6.14.2\`), or a cache key (see \`ktstr kernel list\`), or run \`ktstr kernel fetch\` to populate the cache
  hint: or set KTSTR_TEST_KERNEL=/path/to/bzImage to point at a pre-built bootable image directly (bypasses KTSTR_KERNEL resolution)`

/** Number of concurrent downloads; builds wait for each other. */
const defaultParallelism = 4

const isTarball = /\.(tar(\.[a-z0-9]+)?|t[gx]z)$/

const bootImage = "arch/x86/boot/bzImage"

/**
 * Returns a cache entry as a kernel to boot; `origin` says where its name came from.
 *
 * @since 0.1.0
 * @category conversions
 */
export const resolvedEntry = (entry: KernelEntry, origin: string): ResolvedKernel => ({
  image: entry.image,
  vmlinux: entry.vmlinux,
  config: entry.config,
  version: entry.metadata.version,
  key: entry.key,
  origin,
  label: entry.metadata.label,
  schedExt: entry.metadata.schedExt ?? undefined
})

/** Returns whether a name states its source explicitly (`distro:…`). A plain version is looked up in the cache first. */
const namesSource = (text: string): boolean => /^[a-z][\w.-]*[:+]/i.test(text)

const named = (message: string): KernelError => new KernelError({ reason: "Named", message })

/** Reads an environment variable; an empty one counts as unset. */
const variable = (name: string): Effect.Effect<Option.Option<string>> =>
  Config.string(name).pipe(Effect.option, Effect.map(Option.filter((value) => value !== "")))

/** Maximum number of cached versions listed in a message. */
const namedVersions = 5

/** Lists the newest versions in the cache, as an alternative for the user. */
const cachedVersions = (entries: ReadonlyArray<CacheEntry>): string => {
  const all = [...new Set(validEntries(entries).map(({ metadata }) => metadata.version))]
  if (all.length === 0) return "the cache is empty"
  const newest = all.sort((left, right) => compareVersions(right, left)).slice(0, namedVersions)
  const more = all.length > newest.length ? ` and ${all.length - newest.length} more` : ""
  return `the cache has ${newest.join(", ")}${more}`
}

/** Explains that a source could not be reached, and what the cache has instead for a user without a network. */
const askedInVain =
  ({ name }: KernelSource, text: string, origin: string, entries: ReadonlyArray<CacheEntry>) =>
  (error: KernelError): KernelError =>
    error.reason === "Fetch"
      ? new KernelError({
          reason: "Fetch",
          cause: error,
          message: `no kernel '${text}' given by ${origin} on this machine (${cachedVersions(entries)}), and ${name} was asked in vain: ${error.message}`
        })
      : error

/** Joins several errors, one line each. An error that the user can fix determines the reason, rather than a network error. */
const joined = (errors: readonly [KernelError, ...ReadonlyArray<KernelError>]): KernelError => {
  const [first, ...others] = errors
  if (others.length === 0) return first
  const { cause, reason } = errors.find((error) => error.reason === "Named") ?? first
  return new KernelError({ reason, cause, message: [...new Set(errors.map(({ message }) => message))].join("\n") })
}

/** A name that was looked up: a kernel on this machine, or the effect that fetches or builds it. */
type Located = Effect.Effect<ResolvedKernel, KernelError>

/**
 * Makes the resolver from the kernel cache and the registered sources.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeKernelResolver: Effect.Effect<
  KernelResolver["Type"],
  never,
  FileSystem.FileSystem | Path.Path | KernelCache | KernelSources
> = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const cache = yield* KernelCache
  const sources = yield* KernelSources
  const codecs = yield* PayloadCodecs

  /** Returns the registered source that handles a spec; undefined: there is none. */
  const handlerOf = (spec: string) => Effect.flatMap(sources.list, (all) => sourceFor(all, spec))

  /** Returns the kernel of an entry. If it lacks sched_ext, names a cached kernel that has it. */
  const fromEntry = Effect.fnUntraced(function* (entry: KernelEntry, origin: string) {
    const kernel = resolvedEntry(entry, origin)
    if (kernel.schedExt !== false) return kernel
    const entries = Effect.orElseSucceed(cache.list, (): ReadonlyArray<CacheEntry> => [])
    return {
      ...kernel,
      schedExtAlternative: schedExtAlternativeTo(entry, validEntries(yield* entries), yield* CurrentFragment)
    }
  })

  const exists = (file: string): Effect.Effect<boolean> => Effect.orElseSucceed(fs.exists(file), () => false)

  const describe = (image: string, origin: string): Effect.Effect<ResolvedKernel, KernelError> =>
    describeImage(image, origin, cache.directories).pipe(
      Effect.provideService(FileSystem.FileSystem, fs),
      Effect.provideService(Path.Path, path),
      Effect.provideService(PayloadCodecs, codecs)
    )

  const fetched = (source: KernelSource, spec: string, origin: string): Located =>
    Effect.gen(function* () {
      const onProgress = yield* KernelProgress
      const { open } = source
      return open === undefined
        ? yield* fromEntry(yield* fetchFrom(source, { spec, onProgress }), origin)
        : { ...(yield* openFrom(source, open.bind(source), { spec, onProgress })), origin }
    })

  /** Builds a local source tree or tarball, if a registered kernel source can. */
  const built = (file: string, origin: string): Effect.Effect<Option.Option<Located>, KernelError> => {
    const spec = `path:${file}`
    return Effect.map(handlerOf(spec), (source) =>
      Option.map(Option.fromNullable(source), (found) => fetched(found, spec, origin))
    )
  }

  /** Resolves a path. Images are described immediately; a source tree or tarball still has to be built. */
  const fromPath = Effect.fn("KernelResolver.fromPath")(function* (
    text: string,
    origin: string
  ): Effect.fn.Return<Located, KernelError> {
    const file = path.resolve(text)
    const info = yield* Effect.mapError(fs.stat(file), (cause) =>
      named(
        cause._tag === "SystemError" && cause.reason === "NotFound"
          ? `kernel '${text}' given by ${origin} does not exist: give a bzImage, a vmlinux, a kernel tree, a source tarball or a cache key (see \`ktstr kernel list\`)`
          : `kernel '${text}' given by ${origin} cannot be read: ${cause.message}`
      )
    )
    if (info.type !== "Directory") {
      const build = isTarball.test(file) ? yield* built(file, origin) : Option.none()
      return Option.isSome(build) ? build.value : Effect.succeed(yield* describe(file, origin))
    }
    const image = path.join(file, bootImage)
    if (yield* exists(image)) {
      const kernel = yield* describe(image, origin)
      const name = labelWord(path.basename(file))
      return Effect.succeed({ ...kernel, label: kernel.label?.replace("bzImage", name) })
    }
    const build = (yield* exists(path.join(file, "Kbuild"))) ? yield* built(file, origin) : Option.none()
    if (Option.isSome(build)) return build.value
    return yield* named(
      `no kernel in '${text}' given by ${origin}: it has neither ${bootImage} nor, as a tree to build would, Kbuild; give an image, a tree or a source tarball`
    )
  })

  /** Looks up a name. Fails immediately for every problem that is known without fetching; the returned effect fails only if a fetch or build does. */
  const locate = Effect.fn("KernelResolver.locate")(function* (
    text: string,
    origin: string
  ): Effect.fn.Return<Located, KernelError> {
    if (text === "") return yield* named(`${origin} is empty: give a path, a cache key or a version`)
    const source = yield* handlerOf(text)
    if (source !== undefined && namesSource(text)) return fetched(source, text, origin)
    if (text.includes("/") || text.startsWith(".")) return yield* fromPath(text, origin)
    const listed = yield* Effect.either(cache.list)
    const entries = Either.getOrElse(listed, (): ReadonlyArray<CacheEntry> => [])
    const byVersion = validEntries(entries)
      .filter(({ metadata }) => isVersionPrefix(text, metadata.version))
      .sort(versionPreference(text, yield* CurrentFragment))
    const found = validEntries(entries).find(({ key }) => key === text) ?? byVersion[0]
    if (found !== undefined) return fromEntry(found, origin)
    const corrupt = entries.find((entry) => entry._tag === "Corrupt" && entry.key === text)
    if (corrupt?._tag === "Corrupt") {
      return yield* named(
        `cache entry '${text}' given by ${origin} is corrupt (${corrupt.corruption.error}): remove it (\`ktstr kernel clean --corrupt-only --force\`, or ${corrupt.directory}), then fetch or build it again`
      )
    }
    if (yield* exists(text)) return yield* fromPath(text, origin)
    if (Either.isLeft(listed)) return yield* listed.left
    if (source !== undefined) {
      return Effect.mapError(fetched(source, text, origin), askedInVain(source, text, origin, entries))
    }
    const keys = validEntries(entries).map(({ key }) => key)
    const near = suggestion(text, keys) || "; see `ktstr kernel list`"
    return yield* named(
      `no kernel '${text}' given by ${origin}: it is no file, and the cache has no such key or version${
        keys.length === 0 ? " (it is empty; `ktstr kernel fetch` fills it)" : near
      }`
    )
  })

  const fromName = (text: string, origin: string) => Effect.flatten(locate(text, origin))

  /** Finds a kernel installed on this machine. As the user named none of them, unusable ones are skipped. */
  const fromMachine = Effect.gen(function* () {
    const release = yield* fs.readFileString("/proc/sys/kernel/osrelease").pipe(
      Effect.map((text) => text.trim()),
      Effect.orElseSucceed(() => "")
    )
    const trees = [path.join("linux", bootImage), path.join("..", "linux", bootImage)]
    const installed =
      release === ""
        ? []
        : [`/lib/modules/${release}/build/${bootImage}`, `/lib/modules/${release}/vmlinuz`, `/boot/vmlinuz-${release}`]
    return yield* Effect.firstSuccessOf(
      [...trees, ...installed, "/boot/vmlinuz"].map((file) => describe(path.resolve(file), file))
    ).pipe(Effect.option)
  })

  const resolve = Effect.fn("KernelResolver.resolve")(function* (wanted: string | undefined) {
    if (wanted !== undefined) return yield* fromName(wanted, "--kernel")
    const image = yield* variable("KTSTR_TEST_KERNEL")
    if (Option.isSome(image)) return yield* Effect.flatten(fromPath(image.value, "KTSTR_TEST_KERNEL"))
    const name = yield* variable("KTSTR_KERNEL")
    if (Option.isSome(name)) return yield* fromName(name.value, "KTSTR_KERNEL")
    const entries = validEntries(yield* cache.list)
    const newest = [...entries].sort(kernelPreference(yield* CurrentFragment))[0]
    if (newest !== undefined) return yield* fromEntry(newest, "cache")
    return yield* Effect.flatMap(
      fromMachine,
      Option.match({
        onSome: (kernel) => Effect.succeed(kernel),
        onNone: () => Effect.fail(new KernelError({ reason: "NotFound", message: notFound }))
      })
    )
  })

  const resolveAll = Effect.fn("KernelResolver.resolveAll")(function* (wanted: ReadonlyArray<string>) {
    const parallelism = yield* Config.integer("KTSTR_KERNEL_PARALLELISM").pipe(
      Config.withDefault(defaultParallelism),
      Effect.filterOrFail((count) => count >= 1),
      Effect.mapError(() => named("KTSTR_KERNEL_PARALLELISM must be a whole number from 1"))
    )
    /** Processes all items even if some fail: a successful fetch is in the cache next time. */
    const each = <A, B>(items: ReadonlyArray<A>, f: (item: A) => Effect.Effect<B, KernelError>) =>
      Effect.mapError(Effect.validateAll(items, f, { concurrency: parallelism }), joined)
    const cached = Effect.orElseSucceed(cache.list, (): ReadonlyArray<CacheEntry> => [])
    const expandOne = Effect.fnUntraced(function* (text: string) {
      const source = yield* handlerOf(text)
      if (source?.expand === undefined) return [text]
      return yield* Effect.catchAll(expandWith(source, source.expand.bind(source), text), (error) =>
        Effect.flatMap(cached, (entries) => Effect.fail(askedInVain(source, text, "--kernel", entries)(error)))
      )
    })
    const expanded = yield* each(wanted, expandOne)
    const names = [...new Set(expanded.flat())]
    if (names.length === 0) return [yield* resolve(undefined)]
    // Look up every name first, so that a mistyped name is reported before the others are built for an hour.
    const located = yield* each(names, (name) => locate(name, "--kernel"))
    return distinctKernels(yield* each(located, (kernel) => kernel))
  })

  return KernelResolver.of({ resolve, resolveAll })
})

/**
 * Provides {@link KernelResolver}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKernelResolver: Layer.Layer<
  KernelResolver,
  never,
  FileSystem.FileSystem | Path.Path | KernelCache | KernelSources
> = Layer.effect(KernelResolver, makeKernelResolver)
