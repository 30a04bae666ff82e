/**
 * Kernels of git repositories: one commit fetched without its history, built and cached under its hash.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import {
  downloadDirectory,
  type FetchOptions,
  KernelCache,
  type KernelEntry,
  KernelError,
  type KernelSource,
  resolvedEntry
} from "@ktstr/core/kernel"
import { Config, Effect, Option } from "effect"
import {
  type BuildOptions,
  buildKernel,
  builtOr,
  checkBuildTools,
  reportTo,
  runTool,
  type ToolOptions
} from "../build/index.ts"
import { chooseRef, type GitSpec, gitLabel, parseGitSpec, withoutCredentials } from "./GitSpec.ts"
import type { SourceServices } from "./SourceLayer.ts"

const named = (message: string) => new KernelError({ reason: "Named", message })

/** Git must not ask for a password, and must not run hooks or transports that run programs. */
const settings = ["-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never", "-c", "advice.detachedHead=false"]

const git = (what: string, args: ReadonlyArray<string>, options: ToolOptions = {}) =>
  Effect.gen(function* () {
    const ssh = yield* Effect.orElseSucceed(Config.nonEmptyString("GIT_SSH_COMMAND"), () => "ssh -oBatchMode=yes")
    const env = { GIT_TERMINAL_PROMPT: "0", GIT_ASKPASS: "", GIT_SSH_COMMAND: ssh }
    return yield* runTool(what, "git", [...settings, ...args], {
      ...options,
      reason: "Fetch",
      env,
      redact: withoutCredentials
    })
  }).pipe(
    Effect.mapError((error) =>
      /ENOENT|NotFound/.test(error.message)
        ? new KernelError({
            reason: "Unsupported",
            message:
              "kernels of git repositories need git, which is not there: apt-get install -y --no-install-recommends git",
            cause: error
          })
        : error
    )
  )

const isCommit = (ref: string): boolean => /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(ref)

/** What to fetch, and its commit. */
const findCommit = Effect.fn("GitSource.findCommit")(function* (spec: GitSpec) {
  if (isCommit(spec.ref)) return { ref: spec.ref, commit: spec.ref }
  const what = `git ls-remote ${spec.shownUrl}`
  const lines = yield* git(what, ["ls-remote", "--", spec.url, spec.ref, `${spec.ref}^{}`])
  const found = chooseRef(lines, spec.ref)
  if (Option.isSome(found)) return found.value
  return yield* named(
    `'${spec.ref}' is no branch, tag or commit of ${spec.shownUrl}: see git ls-remote ${spec.shownUrl}; a commit is written with all of its 40 digits`
  )
})

/** `Receiving objects:  45% (40000/90000), 120.20 MiB | 3.00 MiB/s`: bytes, the total is not known. */
const received = (text: string): number | undefined => {
  const found = [...text.matchAll(/Receiving objects: .*?, ([\d.]+) (KiB|MiB|GiB)/g)].at(-1)
  if (found === undefined) return undefined
  const unit = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }[found[2] ?? ""] ?? 1
  return Math.round(Number(found[1]) * unit)
}

/** Fetches one commit into a directory and returns its hash: a branch may have moved since it was looked up. */
const checkOut = Effect.fn("GitSource.checkOut")(function* (
  spec: GitSpec,
  ref: string,
  tree: string,
  onBytes: (bytes: number) => Effect.Effect<void>
) {
  const what = `git fetch ${spec.shownUrl} ${ref}`
  yield* git(what, ["init", "--quiet", "--template=", tree])
  const onError = (text: string) => {
    const bytes = received(text)
    return bytes === undefined ? Effect.void : onBytes(bytes)
  }
  yield* git(what, ["-C", tree, "fetch", "--progress", "--depth=1", "--no-tags", "--", spec.url, ref], { onError })
  yield* git(what, ["-C", tree, "checkout", "--quiet", "FETCH_HEAD"])
  // The URL may contain a password, which must not stay in a file.
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* Effect.ignore(fs.remove(path.join(tree, ".git/FETCH_HEAD"), { force: true }))
  return (yield* git(what, ["-C", tree, "rev-parse", "HEAD"])).at(-1)?.trim() ?? ""
})

/**
 * Returns the cached kernel of a commit, or fetches and builds it. Fails with `Named` for anything but a `git+URL#REF` that names a commit, with `Fetch`
 * if git fails, and as {@link buildKernel}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fetchGit: (
  options: FetchOptions & Pick<BuildOptions, "base" | "jobs" | "cpus">
) => Effect.Effect<KernelEntry, KernelError, SourceServices> = Effect.fn("GitSource.fetch")(function* (
  options: FetchOptions & Pick<BuildOptions, "base" | "jobs" | "cpus">
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const cache = yield* KernelCache
  const { base = "tinyconfig", jobs, cpus, refresh, onProgress } = options
  const report = reportTo(onProgress)
  const parsed = parseGitSpec(options.spec ?? "")
  if (Option.isNone(parsed)) {
    return yield* named(
      `'${withoutCredentials(options.spec ?? "")}' is not a git+URL#REF, e.g. git+https://example.org/owner/linux.git#v6.14`
    )
  }
  const spec = parsed.value
  yield* report("index", spec.shownUrl)
  const { ref, commit } = yield* findCommit(spec)
  // A tree at the same commit is the same source.
  const specOf = (id: string) => `tree:${id.slice(0, 12)}:${base}`
  const label = gitLabel(spec)
  const lock = `git-${commit.slice(0, 12)}`
  const name = `commit ${commit.slice(0, 12)}`
  return yield* builtOr(
    { spec: specOf(commit), label, lock, name, refresh: refresh === true, report },
    Effect.gen(function* () {
      // Report it before the download, not after.
      yield* checkBuildTools(base)
      const { kernels } = yield* cache.directories
      // While the lock is held, leftovers of a killed process belong to nobody.
      const tree = path.join(kernels, downloadDirectory, lock)
      const onDisk = (cause: { readonly message: string }) =>
        new KernelError({ reason: "Cache", message: `cannot write ${tree}: ${cause.message}`, cause })
      const remove = fs.remove(tree, { recursive: true, force: true })
      yield* remove.pipe(
        Effect.zipRight(fs.makeDirectory(path.dirname(tree), { recursive: true })),
        Effect.mapError(onDisk)
      )
      const what = `${ref} of ${spec.shownUrl}`
      const build = Effect.gen(function* () {
        const at = yield* checkOut(spec, ref, tree, (bytes) => report("download", what, bytes))
        const source = { type: "git", description: `${what} at ${at.slice(0, 12)} on ${base}`, spec: specOf(at) }
        const as = { label, source }
        return yield* buildKernel({
          source: tree,
          origin: what,
          transient: true,
          base,
          jobs,
          cpus,
          // Both caches have been asked.
          refresh: true,
          as,
          onProgress
        })
      })
      const built = yield* Effect.ensuring(build, Effect.ignore(remove))
      if (built._tag === "Cached") return built.entry
      return yield* new KernelError({
        reason: "Build",
        message: `${what} changed while it was built: a .gitattributes of this machine rewrites its files`
      })
    })
  )
})

/**
 * Git repositories, `git+URL#REF`.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeGitSource: Effect.Effect<KernelSource, never, SourceServices> = Effect.map(
  Effect.context<SourceServices>(),
  (context): KernelSource => ({
    name: "git+URL#REF",
    description: "a commit, branch or tag of a git repository, built here: git+URL#REF",
    accepts: (spec) => spec.startsWith("git+"),
    fetch: (options) => Effect.provide(fetchGit(options), context),
    // The commit may have been built under another name.
    open: (options) =>
      Effect.map(Effect.provide(fetchGit(options), context), (entry) => ({
        ...resolvedEntry(entry, "--kernel"),
        label: Option.match(parseGitSpec(options.spec ?? ""), {
          onNone: () => entry.metadata.label,
          onSome: gitLabel
        })
      }))
  })
)
