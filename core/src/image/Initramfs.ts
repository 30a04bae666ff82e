/**
 * The guest's initial root file system: a base that many runs share, kept in the cache by the hash of its content, and a small
 * archive with what is this run's own.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import type { PlatformError } from "@effect/platform/Error"
import { Data, Effect } from "effect"
import { type CacheDirs, resolveCacheDirs } from "../CacheDir.ts"
import { sha256Hex } from "../Sha256.ts"
import { type CpioEntry, encodeCpio, parentDirectories } from "./Cpio.ts"

/**
 * A file that goes into the guest.
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
 * What could not be read or written; the message names the file.
 *
 * @since 0.1.0
 * @category errors
 */
export class InitramfsError extends Data.TaggedError("InitramfsError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/**
 * @since 0.1.0
 * @category models
 */
export interface BaseArchive {
  readonly path: string
  /** Why it is not in the cache, when it is not. */
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
  { _tag: "CharDevice", path: "dev/console", major: 5, minor: 1 },
  { _tag: "CharDevice", path: "dev/null", major: 1, minor: 3, mode: 0o666 }
]

const relative = (path: string): string => path.replace(/^\/+/, "")

const fileEntries = (files: ReadonlyArray<GuestFile>): ReadonlyArray<CpioEntry> => {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
  return [
    ...parentDirectories(sorted.map((file) => relative(file.path))),
    ...sorted.map(
      (file): CpioEntry => ({
        _tag: "File",
        path: relative(file.path),
        content: file.content,
        mode: file.executable === true ? 0o755 : 0o644
      })
    )
  ]
}

/** Written beside its place and renamed, so that no reader ever sees half an archive. */
const writeWhole = (path: string, bytes: Uint8Array) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped({ directory: path.replace(/\/[^/]*$/, ""), prefix: ".new-" })
    const temporary = `${folder}/archive`
    yield* fs.writeFile(temporary, bytes)
    yield* fs.rename(temporary, path)
  }).pipe(Effect.scoped)

const toCache = (dirs: CacheDirs, name: string, archive: Uint8Array) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = (yield* Path.Path).join(dirs.initramfs, name)
    // An archive of the right name and length is the one: its name is the hash of its content.
    const existing = yield* Effect.option(fs.stat(path))
    if (existing._tag === "Some" && Number(existing.value.size) === archive.length) return path
    yield* fs.makeDirectory(dirs.initramfs, { recursive: true })
    yield* writeWhole(path, archive)
    return path
  })

/**
 * The agent as /init, the directories it mounts on, and `files`; from the cache when it is there. Where the cache can't be
 * written the archive goes into `scratch`, with a warning.
 *
 * @since 0.1.0
 * @category archives
 */
export const packBase: (options: {
  /** Path of the agent on this host. */
  readonly agent: string
  readonly files?: ReadonlyArray<GuestFile> | undefined
  /** A directory of this run's own. */
  readonly scratch: string
}) => Effect.Effect<BaseArchive, InitramfsError, FileSystem.FileSystem | Path.Path> = Effect.fn("Initramfs.packBase")(
  function* (options) {
    const fs = yield* FileSystem.FileSystem
    const agent = yield* Effect.mapError(fs.readFile(options.agent), cannot("read", options.agent))
    const archive = encodeCpio([
      ...folders.map((path): CpioEntry => ({ _tag: "Directory", path })),
      ...devices,
      { _tag: "File", path: "init", content: agent, mode: 0o755 },
      ...fileEntries(options.files ?? [])
    ])
    const name = `${(yield* sha256Hex(archive)).slice(0, 32)}.cpio`
    const cached = yield* Effect.either(Effect.flatMap(resolveCacheDirs, (dirs) => toCache(dirs, name, archive)))
    if (cached._tag === "Right") return { path: cached.right, warnings: [] }
    const path = `${options.scratch}/${name}`
    yield* Effect.mapError(fs.writeFile(path, archive), cannot("write", path))
    return { path, warnings: [`the initramfs is not cached: ${cached.left.message}`] }
  }
)

/**
 * The plan and this run's own files, in `scratch`.
 *
 * @since 0.1.0
 * @category archives
 */
export const packRun: (options: {
  readonly plan: Uint8Array
  readonly files?: ReadonlyArray<GuestFile> | undefined
  readonly scratch: string
}) => Effect.Effect<string, InitramfsError, FileSystem.FileSystem> = Effect.fn("Initramfs.packRun")(
  function* (options) {
    const fs = yield* FileSystem.FileSystem
    const path = `${options.scratch}/run.cpio`
    const archive = encodeCpio(fileEntries([{ path: "/ktstr/plan", content: options.plan }, ...(options.files ?? [])]))
    yield* Effect.mapError(fs.writeFile(path, archive), cannot("write", path))
    return path
  }
)

const cannot = (verb: "read" | "write", path: string) => (cause: PlatformError) =>
  new InitramfsError({ message: `can't ${verb} ${path}: ${cause.message}`, cause })
