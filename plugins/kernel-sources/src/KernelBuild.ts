/**
 * Kernels built from source: the fragment on top of a base configuration, checked, compiled out of the tree and put into the cache.
 *
 * @since 0.1.0
 */
import { availableParallelism } from "node:os"
import { Command, CommandExecutor, FileSystem, Path } from "@effect/platform"
import {
  type FetchProgress,
  hasSchedExt,
  KernelCache,
  type KernelEntry,
  KernelError,
  type StoreInput
} from "@ktstr/core"
import { Effect, Fiber, Option, type Scope, Stream } from "effect"
import { checkBuildTools } from "./BuildTools.ts"
import { kernelFragmentHash, kernelFragmentText, missingOptions } from "./KernelFragment.ts"
import { findSource, type KernelSourcePath } from "./SourceTree.ts"
import { checkTarball } from "./TarballCheck.ts"

/**
 * What the fragment is put on.
 *
 * @since 0.1.0
 * @category models
 */
export type BuildBase = "tinyconfig" | "defconfig"

/**
 * @since 0.1.0
 * @category models
 */
export interface BuildOptions {
  /** Path of a source tarball or a kernel tree. */
  readonly source: string
  /** Default `tinyconfig`. */
  readonly base?: BuildBase | undefined
  /** Compilers at a time; default: one for each CPU of this machine. */
  readonly jobs?: number | undefined
  /** Build even when the cache has the same. Default false. */
  readonly refresh?: boolean | undefined
  /** What the entry is called by; default: by what the source holds. */
  readonly as?: Pick<StoreInput, "label" | "source"> | undefined
  readonly onProgress?: ((progress: FetchProgress) => Effect.Effect<void>) | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export type BuiltKernel =
  | { readonly _tag: "Cached"; readonly entry: KernelEntry }
  /** A tree that changes is built but not cached; its objects stay for the next build. */
  | { readonly _tag: "Uncached"; readonly version: string; readonly image: string }

type Services = KernelCache | FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor

/** Files compiled for 6.12 on each base; the estimate of the progress line. */
const expectedFiles: Readonly<Record<BuildBase, number>> = { tinyconfig: 1400, defconfig: 2900 }

const failure = (message: string, cause?: unknown) => new KernelError({ reason: "Build", message, cause })

const ioFailure = (what: string) => (cause: { readonly message: string }) => failure(`${what}: ${cause.message}`, cause)

/** What a program said when it failed: its first error, else its last line. */
const complaint = (lines: ReadonlyArray<string>): string =>
  (lines.find((line) => /\berror\b|\*\*\*/i.test(line)) ?? lines.at(-1) ?? "no output").trim()

/** Runs a program to its end, hands its lines to `onLine`, and gives them; fails with what it complained of. */
const run = Effect.fn("KernelBuild.run")(function* (
  what: string,
  program: string,
  args: ReadonlyArray<string>,
  onLine: (line: string) => Effect.Effect<void> = () => Effect.void
) {
  const executor = yield* CommandExecutor.CommandExecutor
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const command = Command.make(program, ...args).pipe(Command.env({ LC_ALL: "C", KBUILD_BUILD_HOST: "ktstr" }))
      const process = yield* executor.start(command)
      const said = yield* Effect.fork(
        process.stderr.pipe(Stream.decodeText(), Stream.splitLines, Stream.runCollect, Effect.map(Array.from<string>))
      )
      const lines = yield* process.stdout.pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.tap(onLine),
        Stream.runCollect,
        Effect.map(Array.from<string>)
      )
      const stderr = yield* Fiber.join(said)
      const code = yield* process.exitCode
      if (code !== 0) return yield* failure(`${what} failed: ${complaint([...stderr, ...lines])}`)
      return lines
    })
  ).pipe(Effect.mapError((cause) => (cause._tag === "KernelError" ? cause : ioFailure(what)(cause))))
})

/** A directory for objects: of a tree that changes it stays, so that the next build is short. */
const objectDirectory = Effect.fn("KernelBuild.objectDirectory")(function* (source: KernelSourcePath, kernels: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const abandoned = (yield* fs.readDirectory(kernels)).filter((name) => name.startsWith(".build-"))
  yield* Effect.forEach(abandoned, (name) => Effect.ignore(fs.remove(path.join(kernels, name), { recursive: true })))
  if (source.stable) return yield* fs.makeTempDirectoryScoped({ directory: kernels, prefix: ".build-" })
  const directory = path.join(kernels, `.objects-${source.identity}`)
  yield* fs.makeDirectory(directory, { recursive: true })
  return directory
})

/** The tree itself, or the only directory of the unpacked tarball. */
const openTree = Effect.fn("KernelBuild.openTree")(function* (source: KernelSourcePath, scratch: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (source.kind === "tree") return source.path
  const into = path.join(scratch, "source")
  yield* Effect.mapError(fs.makeDirectory(into), ioFailure(into))
  yield* checkTarball(source.path)
  yield* run(`unpacking ${source.path}`, "tar", ["-x", "--no-same-owner", "-C", into, "-f", source.path])
  const names = yield* Effect.mapError(fs.readDirectory(into), ioFailure(into))
  const trees = yield* Effect.filter(names, (name) =>
    Effect.orElseSucceed(fs.exists(path.join(into, name, "Kbuild")), () => false)
  )
  const only = trees[0]
  if (only === undefined || trees.length > 1) {
    return yield* new KernelError({
      reason: "Named",
      message: `--source ${source.path} is no kernel source: it has ${trees.length} directories with a Kbuild, wanted is one`
    })
  }
  return path.join(into, only)
})

/** Makes the configuration and says which required options it lost. */
const configure = Effect.fn("KernelBuild.configure")(function* (
  make: (
    ...args: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyArray<string>, KernelError, CommandExecutor.CommandExecutor>,
  tree: string,
  objects: string,
  base: BuildBase
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const config = path.join(objects, ".config")
  const fragment = path.join(objects, "ktstr.kconfig")
  yield* Effect.mapError(fs.writeFileString(fragment, kernelFragmentText), ioFailure(fragment))
  yield* make(base)
  const merge = path.join(tree, "scripts/kconfig/merge_config.sh")
  yield* run("merging the configuration", "sh", [merge, "-m", "-O", objects, config, fragment])
  yield* make("olddefconfig")
  const text = yield* Effect.mapError(fs.readFileString(config), ioFailure(config))
  const missing = missingOptions(text)
  if (missing.length > 0) {
    const list = missing.map(({ option, why }) => `${option} (${why})`).join("; ")
    return yield* failure(`the configuration of this source lacks what ktstr needs: ${list}`)
  }
  return text
})

const compile = Effect.fn("KernelBuild.compile")(function* (
  source: KernelSourcePath,
  options: BuildOptions,
  report: (stage: FetchProgress["stage"], detail: string, done?: number, total?: number) => Effect.Effect<void>
): Effect.fn.Return<BuiltKernel, KernelError, Services | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const cache = yield* KernelCache
  const { kernels } = yield* cache.directories
  const base = options.base ?? "tinyconfig"
  const scratch = yield* Effect.mapError(objectDirectory(source, kernels), ioFailure(kernels))
  yield* report("extract", source.path)
  const tree = yield* openTree(source, scratch)
  const objects = path.join(scratch, "objects")
  yield* Effect.mapError(fs.makeDirectory(objects, { recursive: true }), ioFailure(objects))
  const make =
    (onLine?: (line: string) => Effect.Effect<void>) =>
    (...args: ReadonlyArray<string>) =>
      run(`make ${args.at(-1)} in ${source.path}`, "make", ["-C", tree, `O=${objects}`, ...args], onLine)

  yield* report("configure", base)
  const config = yield* configure(make(), tree, objects, base)
  const release = (yield* make()("-s", "kernelrelease")).at(-1)?.trim() ?? ""
  let files = 0
  const total = expectedFiles[base]
  const onLine = (line: string) => {
    if (!/^ {2}(CC|AS) /.test(line)) return Effect.void
    files++
    return report("compile", release, Math.min(files, total), total)
  }
  yield* make(onLine)(`-j${options.jobs ?? availableParallelism()}`, "bzImage")

  const image = path.join(objects, "arch/x86/boot/bzImage")
  if (!source.stable) return { _tag: "Uncached", version: release, image }
  yield* report("store", release)
  const stripped = path.join(scratch, "vmlinux")
  yield* run("stripping vmlinux", "objcopy", ["--strip-debug", path.join(objects, "vmlinux"), stripped])
  const elf = yield* Effect.mapError(fs.readFile(stripped), ioFailure(stripped))
  const hash = yield* kernelFragmentHash
  const entry = yield* cache.store(
    {
      key: `${release}-${source.kind}-x86_64-kc${hash.slice(0, 6)}-${source.identity}${base === "defconfig" ? "-defconfig" : ""}`,
      version: release,
      label: options.as?.label ?? `kernel_local_${source.identity.slice(0, 6)}`,
      source: options.as?.source ?? {
        type: source.kind,
        description: `${path.basename(source.path)} on ${base}`,
        spec: specOf(source, base)
      },
      schedExt: hasSchedExt(elf),
      kconfigHash: hash,
      config: new TextEncoder().encode(config),
      image: yield* Effect.mapError(fs.readFile(image), ioFailure(image)),
      vmlinux: { _tag: "Elf", bytes: elf }
    },
    { replace: true }
  )
  return { _tag: "Cached", entry }
})

/** What the same source and base give again; paths may differ. */
const specOf = (source: KernelSourcePath, base: BuildBase): string => `${source.kind}:${source.identity}:${base}`

/**
 * Builds a kernel, or gives the cached one that was built of the same source with the same base and fragment. Fails with `Named` for a path
 * that is no source, `Unsupported` for missing tools, and `Build`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const buildKernel: (options: BuildOptions) => Effect.Effect<BuiltKernel, KernelError, Services> = Effect.fn(
  "KernelBuild.build"
)(function* (options: BuildOptions) {
  const cache = yield* KernelCache
  const source = yield* findSource(options.source)
  const report = (stage: FetchProgress["stage"], detail: string, done = 0, total: number | undefined = undefined) =>
    options.onProgress?.({ stage, detail, done, total }) ?? Effect.void
  const hash = yield* kernelFragmentHash
  const spec = options.as?.source.spec ?? specOf(source, options.base ?? "tinyconfig")
  const cached = Effect.map(cache.list, (entries) =>
    source.stable && options.refresh !== true
      ? Option.fromNullable(
          entries
            .flatMap((found) => (found._tag === "Valid" ? [found.entry] : []))
            .find(({ metadata }) => metadata.source.spec === spec && metadata.kconfigHash === hash)
        )
      : Option.none<KernelEntry>()
  )
  const hit = yield* cached
  if (Option.isSome(hit)) return { _tag: "Cached", entry: hit.value }
  yield* checkBuildTools
  return yield* cache.exclusively(
    "build",
    report("waiting", "a kernel")
  )(
    Effect.flatMap(
      cached,
      Option.match({
        onSome: (entry): Effect.Effect<BuiltKernel, KernelError, Services> => Effect.succeed({ _tag: "Cached", entry }),
        onNone: () => Effect.scoped(compile(source, options, report))
      })
    )
  )
})
