/**
 * Kernels built from source: the fragment on top of a base configuration, checked, compiled out of the tree and put into the cache.
 *
 * @since 0.1.0
 */
import { availableParallelism } from "node:os"
import { type CommandExecutor, FileSystem, Path } from "@effect/platform"
import { hasSchedExt } from "@ktstr/core/image"
import {
  buildLock,
  type FetchOptions,
  KernelCache,
  type KernelEntry,
  KernelError,
  type RemoteCaches,
  type StoreInput
} from "@ktstr/core/kernel"
import { Effect, Option, type Scope } from "effect"
import { findBuilt, recallBuilt, shareBuilt } from "./BuiltKernels.ts"
import { type BuildBase, kernelFragmentHash, kernelFragmentText, missingOptions } from "./KernelFragment.ts"
import { openObjects } from "./ObjectDirectory.ts"
import { type Report, reportTo } from "./Report.ts"
import { runTool } from "./RunTool.ts"
import { findSource, type KernelSourcePath } from "./SourceTree.ts"
import { openSource } from "./SourceView.ts"
import { checkBuildTools } from "./Tools.ts"
import { lockTree } from "./TreeLock.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface BuildOptions {
  /** Path of a source tarball or a kernel tree. */
  readonly source: string
  /** What messages call `source`; default `--source`. */
  readonly origin?: string | undefined
  /** Default `tinyconfig`. */
  readonly base?: BuildBase | undefined
  /** Number of parallel compilers; default: one for each CPU that the build may use. */
  readonly jobs?: number | undefined
  /** The CPUs that the build may use, in increasing order; default: those of this process. */
  readonly cpus?: ReadonlyArray<number> | undefined
  /** The tree is removed after the build, so its objects need not stay. Default false. */
  readonly transient?: boolean | undefined
  /** Build even if the cache has the same kernel. Default false. */
  readonly refresh?: boolean | undefined
  /** Name of the entry; default: derived from the content of the source. */
  readonly as?: Pick<StoreInput, "label" | "source"> | undefined
  readonly onProgress?: FetchOptions["onProgress"]
}

/**
 * @since 0.1.0
 * @category models
 */
export type BuiltKernel =
  | {
      readonly _tag: "Cached"
      readonly entry: KernelEntry
      readonly source: KernelSourcePath
      /** Path of the `compile_commands.json` of a tree that was built just now. */
      readonly compileCommands?: string | undefined
    }
  /** A tree that may change is built but not cached; its objects stay for the next build. */
  | {
      readonly _tag: "Uncached"
      readonly version: string
      readonly image: string
      readonly source: KernelSourcePath
      readonly compileCommands: string | undefined
    }

type Services = KernelCache | RemoteCaches | FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor

/** Files compiled for 6.12 on each base; the estimate of the progress line. */
const expectedFiles: Readonly<Record<BuildBase, number>> = { tinyconfig: 1400, defconfig: 2900 }

const failure = (message: string, cause?: unknown) => new KernelError({ reason: "Build", message, cause })

const ioFailure = (what: string) => (cause: { readonly message: string }) => failure(`${what}: ${cause.message}`, cause)

/** Makes the configuration and returns the required options that it lost. */
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
  yield* runTool("merging the configuration", "sh", [merge, "-m", "-O", objects, config, fragment])
  yield* make("olddefconfig")
  const text = yield* Effect.mapError(fs.readFileString(config), ioFailure(config))
  const missing = missingOptions(text)
  if (missing.length > 0) {
    const list = missing.map(({ option, why }) => `${option} (${why})`).join("; ")
    return yield* failure(`the configuration of this source lacks what ktstr needs: ${list}`)
  }
  return text
})

/** Writes a file for editors. Needs python3 and Linux 5.19 or later; a build does not fail without it. */
const compileCommands = Effect.fn("KernelBuild.compileCommands")(function* (
  make: Effect.Effect<unknown, KernelError, CommandExecutor.CommandExecutor>,
  objects: string,
  view: string,
  tree: string
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(objects, "compile_commands.json")
  return yield* Effect.gen(function* () {
    yield* make
    // An editor has the original of a copied tree open.
    if (view !== tree) yield* fs.writeFileString(file, (yield* fs.readFileString(file)).replaceAll(view, tree))
    return file
  }).pipe(Effect.orElseSucceed(() => undefined))
})

/** The kernel refuses a set of CPUs of which this process may use none. */
const checkCpus = (cpus: ReadonlyArray<number>) =>
  Effect.mapError(
    runTool("choosing CPUs", "taskset", ["--cpu-list", cpus.join(","), "true"]),
    (cause) =>
      new KernelError({
        reason: "Named",
        message: `the build can't be kept on CPUs ${cpus.join(",")} (${cause.message}): \`ktstr topo\` shows those of this machine`,
        cause
      })
  )

const compile = Effect.fn("KernelBuild.compile")(function* (
  source: KernelSourcePath,
  options: BuildOptions,
  report: Report
): Effect.fn.Return<BuiltKernel, KernelError, Services | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const cache = yield* KernelCache
  const { kernels } = yield* cache.directories
  const base = options.base ?? "tinyconfig"
  const pinned = options.cpus === undefined ? [] : ["taskset", "--cpu-list", options.cpus.join(",")]
  if (options.cpus !== undefined) yield* checkCpus(options.cpus)
  if (source.kind === "tree") yield* lockTree(source.path, report("waiting", source.path))
  const place = yield* openObjects(source, kernels, options.transient ?? false)
  if (source.kind === "tarball") yield* report("extract", source.path)
  const tree = yield* openSource(source, place.scratch)
  const objects = path.join(place.scratch, "objects")
  yield* Effect.mapError(fs.makeDirectory(objects, { recursive: true }), ioFailure(objects))
  const make =
    (onLine?: (line: string) => Effect.Effect<void>) =>
    (...args: ReadonlyArray<string>) => {
      const [program = "make", ...rest] = [...pinned, "make", "-C", tree, `O=${objects}`, ...args]
      const env = { KBUILD_BUILD_HOST: "ktstr" }
      return runTool(`make ${args.at(-1)} in ${source.path}`, program, rest, { onLine, env })
    }

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
  yield* make(onLine)(`-j${options.jobs ?? options.cpus?.length ?? availableParallelism()}`, "bzImage")

  const commands = place.kept
    ? yield* compileCommands(make()("-s", "compile_commands.json"), objects, tree, source.path)
    : undefined
  const image = path.join(objects, "arch/x86/boot/bzImage")
  if (!source.stable) {
    const kept = yield* place.keep(image)
    return { _tag: "Uncached", version: release, image: kept, source, compileCommands: commands }
  }
  yield* report("store", release)
  const stripped = path.join(place.scratch, "vmlinux")
  yield* runTool("stripping vmlinux", "objcopy", ["--strip-debug", path.join(objects, "vmlinux"), stripped])
  const elf = yield* Effect.mapError(fs.readFile(stripped), ioFailure(stripped))
  yield* Effect.ignore(fs.remove(stripped))
  const hash = yield* kernelFragmentHash
  // A release is identified by its number; a local tarball of the same version is a different entry.
  const mark = options.as?.source.type === "kernel.org" ? "" : `-${source.identity}`
  const entry = yield* cache.store(
    {
      key: `${release}-${source.kind}-x86_64-kc${hash.slice(0, 6)}${mark}${base === "defconfig" ? "-defconfig" : ""}`,
      version: release,
      label: options.as?.label ?? source.label,
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
  return { _tag: "Cached", entry, source, compileCommands: commands }
})

/** Equal for builds of the same source and base; paths may differ. */
const specOf = (source: KernelSourcePath, base: BuildBase): string => `${source.kind}:${source.identity}:${base}`

/**
 * Builds a kernel, or returns the cached one that was built from the same source with the same base and fragment. Fails with `Named` for a path
 * that is not a source, `Unsupported` for missing tools, and `Build`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const buildKernel: (options: BuildOptions) => Effect.Effect<BuiltKernel, KernelError, Services> = Effect.fn(
  "KernelBuild.build"
)(function* (options: BuildOptions) {
  const cache = yield* KernelCache
  const source = yield* findSource(options.source, options.origin)
  const report = reportTo(options.onProgress)
  const spec = options.as?.source.spec ?? specOf(source, options.base ?? "tinyconfig")
  const reusable = source.stable && options.refresh !== true
  const cached = reusable ? findBuilt(spec) : Effect.succeedNone
  const hit = yield* cached
  if (Option.isSome(hit)) return { _tag: "Cached", entry: hit.value, source }
  const recalled = reusable
    ? yield* recallBuilt(spec, options.as?.label ?? source.label, (remote) => report("download", remote))
    : Option.none()
  if (Option.isSome(recalled)) return { _tag: "Cached", entry: recalled.value, source }
  yield* checkBuildTools(options.base ?? "tinyconfig")
  const built = yield* cache.exclusively(
    buildLock,
    report("waiting", "a kernel")
  )(
    Effect.flatMap(
      cached,
      Option.match({
        onSome: (entry): Effect.Effect<BuiltKernel, KernelError, Services> =>
          Effect.succeed({ _tag: "Cached", entry, source }),
        onNone: () => Effect.scoped(compile(source, options, report))
      })
    )
  )
  if (built._tag === "Cached") yield* shareBuilt(built.entry)
  return built
})
