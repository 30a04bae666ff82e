/**
 * Includes files of this host in a guest: the meaning of `-i SPEC`.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import { Config, Effect, Option } from "effect"
import { InitramfsError } from "./InitramfsError.ts"

/**
 * A file for the guest.
 *
 * @since 0.1.0
 * @category models
 */
export interface IncludedFile {
  /** Absolute path on this host. */
  readonly host: string
  /** Absolute path in the guest. */
  readonly guest: string
  /** Low 12 bits of the mode. */
  readonly permissions: number
  /** The spec that included it. */
  readonly spec: string
}

/**
 * The files of one or more specs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Includes {
  /** Sorted by guest path, each path once. */
  readonly files: ReadonlyArray<IncludedFile>
  readonly warnings: ReadonlyArray<string>
}

/** Directories over which the agent mounts file systems, which hide the initramfs's files there. */
const covered = ["/proc", "/sys", "/dev", "/run", "/tmp"] as const

/** Guest directory for files from below a covered directory. */
const shelter = "/include-files"

const isBelow = (path: string, directory: string): boolean => path === directory || path.startsWith(`${directory}/`)

const reserved = (guest: string): boolean => guest === "/init" || isBelow(guest, "/ktstr")

const fail = (message: string, cause?: unknown): InitramfsError => new InitramfsError({ message, cause })

/** Splits `SOURCE:/guest/path`. A source with `:/` in its path needs an explicit guest path after it. */
const splitSpec = (spec: string): readonly [source: string, guest: string | undefined] => {
  const at = spec.lastIndexOf(":/")
  return at <= 0 ? [spec, undefined] : [spec.slice(0, at), spec.slice(at + 1)]
}

const lookUp = Effect.fn("Include.lookUp")(function* (source: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const exists = (file: string) => Effect.orElseSucceed(fs.exists(file), () => false)
  if (yield* exists(source)) return path.resolve(source)
  if (source.includes("/") || source.startsWith(".")) {
    return yield* fail(`--include-files path not found: ${source}`)
  }
  const search = yield* Config.string("PATH").pipe(Effect.orElseSucceed(() => ""))
  const candidates = search.split(":").flatMap((directory) => (directory === "" ? [] : [path.join(directory, source)]))
  const found = yield* Effect.findFirst(candidates, exists)
  return Option.isSome(found) ? found.value : yield* fail(`-i ${source}: not found in filesystem or PATH`)
})

/**
 * Resolves one spec: a file, a directory (included recursively, except FIFOs, sockets and device nodes) or the name of a program in `PATH`. Each file
 * gets the same path in the guest as here, except those from directories that the guest mounts over (`/tmp` …), which go below `/include-files`.
 * `SOURCE:/guest/path` sets another path. Fails with a message that names the spec.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolveInclude: (
  spec: string
) => Effect.Effect<Includes, InitramfsError, FileSystem.FileSystem | Path.Path> = Effect.fn("Include.resolve")(
  function* (spec: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const [source, wanted] = splitSpec(spec)
    const host = yield* lookUp(source)
    const unreadable = (cause: { readonly message: string }) => fail(`-i ${spec}: ${cause.message}`, cause)
    const place = covered.some((directory) => isBelow(host, directory)) ? path.join(shelter, path.basename(host)) : host
    const root = wanted === undefined ? place : path.normalize(wanted)
    if (wanted !== undefined && covered.some((directory) => isBelow(root, directory))) {
      return yield* fail(
        `-i ${spec}: the guest mounts a file system over ${root}: choose another place, e.g. ${shelter}`
      )
    }
    const info = yield* Effect.mapError(fs.stat(host), unreadable)
    const isDirectory = info.type === "Directory"
    const names = isDirectory ? yield* Effect.mapError(fs.readDirectory(host, { recursive: true }), unreadable) : [""]
    const files = yield* Effect.forEach(
      names,
      (name) =>
        fs.stat(path.join(host, name)).pipe(
          Effect.map((entry) =>
            entry.type === "File"
              ? Option.some<IncludedFile>({
                  host: path.join(host, name),
                  guest: path.join(root, name),
                  permissions: entry.mode & 0o7777,
                  spec
                })
              : Option.none()
          ),
          // A dangling symbolic link is not a regular file, either.
          Effect.catchAll((cause) => (isDirectory ? Effect.succeedNone : Effect.fail(unreadable(cause))))
        ),
      { concurrency: 8 }
    )
    const regular = files.flatMap(Option.toArray)
    if (!isDirectory && regular.length === 0)
      return yield* fail(`-i ${spec}: ${host} is no regular file (${info.type})`)
    const forbidden = regular.find((file) => reserved(file.guest))
    if (forbidden !== undefined) {
      return yield* fail(
        `-i ${spec}: ${forbidden.guest} belongs to ktstr's own agent in the guest: choose another place`
      )
    }
    return {
      files: regular,
      warnings: regular.length === 0 ? [`warning: -i ${source}: directory contains no regular files`] : []
    }
  }
)

/**
 * Resolves all specs. Fails if two of them put different files at the same guest path; the error names both.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolveIncludes: (
  specs: ReadonlyArray<string>
) => Effect.Effect<Includes, InitramfsError, FileSystem.FileSystem | Path.Path> = Effect.fn("Include.resolveAll")(
  function* (specs: ReadonlyArray<string>) {
    const resolved = yield* Effect.forEach(specs, resolveInclude)
    const byGuest = new Map<string, IncludedFile>()
    for (const file of resolved.flatMap(({ files }) => files)) {
      const other = byGuest.get(file.guest)
      if (other !== undefined && other.host !== file.host) {
        return yield* fail(
          `-i ${other.spec} and -i ${file.spec} both put a file at ${file.guest} in the guest (${other.host} and ${file.host}): give one another place with SOURCE:/guest/path`
        )
      }
      byGuest.set(file.guest, file)
    }
    return {
      files: [...byGuest.values()].sort((a, b) => (a.guest < b.guest ? -1 : 1)),
      warnings: resolved.flatMap(({ warnings }) => warnings)
    }
  }
)
