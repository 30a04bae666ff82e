/**
 * The guest's initial root file system: a base that many runs share, cached by the hash of its content, and a small archive with the files of one
 * run. Both are uncompressed: for 4 MB, an emulated boot takes the same CPU time with lz4 (4.4 ± 0.4 s) as without (4.6 ± 0.4 s), and kernels without
 * CONFIG_RD_LZ4 boot as well.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import type { PlatformError } from "@effect/platform/Error"
import { Effect } from "effect"
import { sha256OfParts } from "../base/index.ts"
import { cachedBase, writeParts } from "./BaseCache.ts"
import type { Busybox } from "./Busybox.ts"
import { type CpioEntry, encodeCpio, encodeCpioParts } from "./Cpio.ts"
import { programNeeds } from "./ElfDeps.ts"
import { type Includes, resolveIncludes } from "./Include.ts"
import { InitramfsError } from "./InitramfsError.ts"

export { InitramfsError } from "./InitramfsError.ts"

/**
 * A file for the guest whose content is in memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface GuestFile {
  /** Absolute path in the guest. */
  readonly path: string
  readonly content: Uint8Array
  readonly executable?: boolean | undefined
}

/**
 * A packed base archive.
 *
 * @since 0.1.0
 * @category models
 */
export interface BaseArchive {
  readonly path: string
  /** Warnings of the includes, and why the archive is not in the cache. */
  readonly warnings: ReadonlyArray<string>
}

const folders = [
  "bin",
  "dev",
  "etc",
  "include-files",
  "ktstr",
  "proc",
  "root",
  "run",
  "sbin",
  "sys",
  "tmp",
  "usr",
  "var"
]

/** The kernel opens /dev/console for init before devtmpfs is mounted. */
const devices: ReadonlyArray<CpioEntry> = [
  { _tag: "CharDevice", path: "dev/console", permissions: 0o600, major: 5, minor: 1 },
  { _tag: "CharDevice", path: "dev/null", permissions: 0o666, major: 1, minor: 3 }
]

const relative = (path: string): string => path.replace(/^\/+/, "")

const byPath = (a: CpioEntry, b: CpioEntry): number => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)

const parents = (path: string): ReadonlyArray<string> => {
  const parts = path.split("/").slice(0, -1)
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"))
}

/**
 * Adds all missing directories and sorts the entries so that the kernel can unpack them: a directory's path is a prefix of the paths in it, so it
 * sorts before them.
 */
const withDirectories = (
  entries: ReadonlyArray<CpioEntry>,
  extra: ReadonlyArray<string> = []
): ReadonlyArray<CpioEntry> => {
  const taken = new Set(entries.map(({ path }) => path))
  const directories = new Set([...extra, ...entries.flatMap(({ path }) => parents(path))])
  return [
    ...[...directories]
      .filter((path) => !taken.has(path))
      .map((path): CpioEntry => ({ _tag: "Directory", path, permissions: path === "tmp" ? 0o1777 : 0o755 })),
    ...entries
  ].sort(byPath)
}

const fileEntries = (files: ReadonlyArray<GuestFile>): ReadonlyArray<CpioEntry> =>
  files.map(({ path, content, executable }) => ({
    _tag: "File",
    path: relative(path),
    data: content,
    permissions: executable === true ? 0o755 : 0o644
  }))

const cannot = (verb: "read" | "write", path: string) => (cause: PlatformError) =>
  new InitramfsError({ message: `can't ${verb} ${path}: ${cause.message}`, cause })

/** Returns the included files, the files that their programs need, and links for libraries that only this machine's ld.so.cache would find. */
const includeEntries = Effect.fnUntraced(function* (includes: Includes, provided: ReadonlySet<string>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const needs = yield* Effect.mapError(
    programNeeds(
      includes.files.map(({ host }) => host),
      { provided }
    ),
    (cause) => new InitramfsError({ message: cause.message, cause })
  )
  const sources = new Map(needs.files.map((file) => [file, { host: file, permissions: 0o755 }]))
  for (const { guest, host, permissions } of includes.files) sources.set(guest, { host, permissions })
  const files = yield* Effect.forEach([...sources], ([guest, { host, permissions }]) =>
    fs.readFile(host).pipe(
      Effect.mapError(cannot("read", host)),
      Effect.map((data): CpioEntry => ({ _tag: "File", path: relative(guest), permissions, data }))
    )
  )
  const links = needs.configured.flatMap((file): ReadonlyArray<CpioEntry> => {
    const link = path.join(needs.linkDirectory ?? "/lib", path.basename(file))
    return sources.has(link) ? [] : [{ _tag: "Symlink", path: relative(link), target: file }]
  })
  return [...files, ...links]
})

/**
 * Packs the base: the agent as `/init`, the directories it mounts on, optionally busybox with links for its applets, `files`, and the includes with
 * their libraries, which take precedence over applets. Uses the cached archive if there is one. If the cache can't be written, the archive goes into
 * `scratch`, with a warning. The same inputs give the same bytes.
 *
 * @since 0.1.0
 * @category archives
 */
export const packBase: (options: {
  /** Path of the agent on this host. */
  readonly agent: string
  readonly busybox?: Busybox | undefined
  /** Specs as for `-i`; see `resolveInclude`. */
  readonly includes?: ReadonlyArray<string> | undefined
  readonly files?: ReadonlyArray<GuestFile> | undefined
  /** Temporary directory of this run. */
  readonly scratch: string
}) => Effect.Effect<BaseArchive, InitramfsError, FileSystem.FileSystem | Path.Path> = Effect.fn("Initramfs.packBase")(
  function* (options) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const program = (host: string, guest: string) =>
      fs.readFile(host).pipe(
        Effect.mapError(cannot("read", host)),
        Effect.map((data): CpioEntry => ({ _tag: "File", path: guest, permissions: 0o755, data }))
      )
    const shell: ReadonlyArray<CpioEntry> =
      options.busybox === undefined
        ? []
        : [yield* program(options.busybox.path, "bin/busybox"), { _tag: "Symlink", path: "bin/sh", target: "busybox" }]
    const includes = yield* resolveIncludes(options.includes ?? [])
    const included =
      includes.files.length === 0
        ? []
        : yield* includeEntries(includes, new Set(shell.map((entry) => `/${entry.path}`)))
    const fixed = [...devices, yield* program(options.agent, "init"), ...shell, ...fileEntries(options.files ?? [])]
    const taken = new Set(fixed.map((entry) => entry.path))
    const double = included.find((entry) => taken.has(entry.path))
    if (double !== undefined) {
      return yield* new InitramfsError({
        message: `an include would replace /${double.path}, which ktstr itself puts into the guest`
      })
    }
    for (const { path } of included) taken.add(path)
    const applets = (options.busybox?.applets ?? []).flatMap((applet): ReadonlyArray<CpioEntry> => {
      const link = relative(applet)
      return taken.has(link) ? [] : [{ _tag: "Symlink", path: link, target: "/bin/busybox" }]
    })
    const archive = yield* Effect.try({
      try: () => encodeCpioParts(withDirectories([...fixed, ...included, ...applets], folders)),
      catch: (cause) => new InitramfsError({ message: `the initramfs can't be written: ${String(cause)}`, cause })
    })
    const name = `${(yield* sha256OfParts(archive)).slice(0, 32)}.cpio`
    const cached = yield* Effect.either(cachedBase(name, archive))
    if (cached._tag === "Right") {
      return { path: cached.right.path, warnings: [...includes.warnings, ...cached.right.warnings] }
    }
    const file = path.join(options.scratch, name)
    yield* Effect.mapError(writeParts(file, archive), cannot("write", file))
    return { path: file, warnings: [...includes.warnings, `the initramfs is not cached: ${cached.left.message}`] }
  }
)

/**
 * Packs the plan as `/ktstr/plan` and the run's own files into an archive in `scratch`, and returns its path. It must follow the base.
 *
 * @since 0.1.0
 * @category archives
 */
export const packRun: (options: {
  readonly plan: Uint8Array
  readonly files?: ReadonlyArray<GuestFile> | undefined
  readonly scratch: string
}) => Effect.Effect<string, InitramfsError, FileSystem.FileSystem | Path.Path> = Effect.fn("Initramfs.packRun")(
  function* (options) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const file = path.join(options.scratch, "run.cpio")
    const entries = fileEntries([{ path: "/ktstr/plan", content: options.plan }, ...(options.files ?? [])])
    yield* Effect.mapError(fs.writeFile(file, encodeCpio(withDirectories(entries))), cannot("write", file))
    return file
  }
)
