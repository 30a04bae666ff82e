/**
 * Kernel sources on this machine: a tarball, or a directory.
 *
 * @since 0.1.0
 */
import { Command, type CommandExecutor, FileSystem, Path } from "@effect/platform"
import { sha256Hex } from "@ktstr/core/base"
import { KernelError, labelOf } from "@ktstr/core/kernel"
import { Effect, Stream } from "effect"

/**
 * Sources that were found, not yet unpacked.
 *
 * @since 0.1.0
 * @category models
 */
export interface KernelSourcePath {
  readonly kind: "tarball" | "tree"
  /** Absolute, without symbolic links. */
  readonly path: string
  /** Hash of the content if that can be determined, else of the path: 12 lower-case hex digits. */
  readonly identity: string
  /** Hash of the path: 12 lower-case hex digits. */
  readonly place: string
  /** `clean` and `changed` are a tree under git without and with changes since its last commit, `unknown` one that is not under git. */
  readonly state: "tarball" | "clean" | "changed" | "unknown"
  /** False when the same identity may be other source tomorrow: a tree that is not under git, or changed since its last commit. */
  readonly stable: boolean
  /** `kernel_local_{hash6}` of a tarball's content, `kernel_path_{base}_{hash6}[_dirty]` of a tree's name and path. */
  readonly label: string
}

/** Enough of a compressed file's beginning and end to tell it from any other: its index and its checksums are at the end. */
const sampled = 2 ** 20

/**
 * Returns whether a file name is that of a source tarball.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isTarballName = (file: string): boolean => /\.(tar|tar\.(xz|gz|bz2|zst)|tgz|txz)$/.test(file)

const named = (message: string, cause?: unknown) => new KernelError({ reason: "Named", message, cause })

const digest = (bytes: Uint8Array): Effect.Effect<string> => Effect.map(sha256Hex(bytes), (hash) => hash.slice(0, 12))

const ofText = (text: string) => digest(new TextEncoder().encode(text))

const sample = Effect.fn("SourceTree.sample")(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const { size } = yield* fs.stat(file)
  const length = Number(size)
  const parts = yield* Effect.forEach([0, Math.max(0, length - sampled)], (offset) =>
    fs.stream(file, { offset, bytesToRead: sampled }).pipe(
      Stream.runCollect,
      Effect.map((chunks) => Array.from(chunks))
    )
  )
  const all = parts.flat()
  const joined = new Uint8Array(all.reduce((sum, { length: part }) => sum + part, 8))
  new DataView(joined.buffer).setBigUint64(0, size)
  let at = 8
  for (const chunk of all) {
    joined.set(chunk, at)
    at += chunk.length
  }
  return yield* digest(joined)
})

/**
 * Returns the commit of a directory and whether its files differ from it. None if it is not the top of a git tree: the
 * commits of a repository around it say nothing about it.
 */
const commit = (directory: string) =>
  Effect.gen(function* () {
    // Without optional locks `status` does not write the index it refreshed.
    const git = (...args: ReadonlyArray<string>) =>
      Command.string(Command.make("git", "--no-optional-locks", "-C", directory, ...args))
    const head = (yield* git("rev-parse", "HEAD")).trim()
    const below = (yield* git("rev-parse", "--show-prefix")).trim()
    const changes = yield* git("status", "--porcelain", "--untracked-files=no")
    if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(head) || below !== "") return undefined
    return { head, changed: changes.trim() !== "" }
  }).pipe(Effect.orElseSucceed(() => undefined))

/**
 * Inspects the path that the user named with `origin`. Fails with `Named` if it is neither a source tarball nor a kernel tree.
 *
 * @since 0.1.0
 * @category constructors
 */
export const findSource: (
  text: string,
  origin?: string
) => Effect.Effect<KernelSourcePath, KernelError, FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor> =
  Effect.fn("SourceTree.find")(function* (text: string, origin = "--source") {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const unreadable = (cause: { readonly message: string }) =>
      named(`${origin} '${text}' cannot be read: ${cause.message}`, cause)
    const file = yield* Effect.mapError(fs.realPath(path.resolve(text)), (cause) =>
      cause._tag === "SystemError" && cause.reason === "NotFound"
        ? named(`${origin} '${text}' does not exist: give a kernel tree or a source tarball`, cause)
        : unreadable(cause)
    )
    const info = yield* Effect.mapError(fs.stat(file), unreadable)
    const place = yield* ofText(file)
    if (info.type === "Directory") {
      const tree = yield* Effect.orElseSucceed(fs.exists(path.join(file, "Kbuild")), () => false)
      if (!tree) return yield* named(`${origin} '${text}' is no kernel tree: it has no Kbuild`)
      const at = yield* commit(file)
      const state = at === undefined ? "unknown" : at.changed ? "changed" : "clean"
      return {
        kind: "tree",
        path: file,
        identity: at !== undefined && !at.changed ? at.head.slice(0, 12) : place,
        place,
        state,
        stable: state === "clean",
        label: labelOf("path", path.basename(file), place.slice(0, 6), ...(state === "changed" ? ["dirty"] : []))
      }
    }
    if (!isTarballName(file)) {
      return yield* named(
        `${origin} '${text}' is neither a directory nor a tarball (.tar, .tar.xz, .tar.gz, .tar.bz2, .tar.zst)`
      )
    }
    const identity = yield* Effect.mapError(sample(file), unreadable)
    return {
      kind: "tarball",
      path: file,
      identity,
      place,
      state: "tarball",
      stable: true,
      label: labelOf("local", identity.slice(0, 6))
    }
  })
