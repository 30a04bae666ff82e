/**
 * Kernel sources on this machine: a tarball, or a directory.
 *
 * @since 0.1.0
 */
import { Command, type CommandExecutor, FileSystem, Path } from "@effect/platform"
import { KernelError, sha256Hex } from "@ktstr/core"
import { Effect, Stream } from "effect"

/**
 * Sources that were found, not yet unpacked.
 *
 * @since 0.1.0
 * @category models
 */
export interface KernelSourcePath {
  readonly kind: "tarball" | "tree"
  /** Absolute. */
  readonly path: string
  /** Lower-case hex of 12 digits: of what it holds where that can be told, else of the path. */
  readonly identity: string
  /** False when the same identity may be other source tomorrow: a tree that is not under git, or changed since its last commit. */
  readonly stable: boolean
}

/** Enough of a compressed file's beginning and end to tell it from any other: its index and its checksums are at the end. */
const sampled = 2 ** 20

const isTarball = (file: string): boolean => /\.(tar|tar\.(xz|gz|bz2|zst)|tgz|txz)$/.test(file)

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

/** The commit a directory is at, when it is a git tree without changes. */
const commit = (directory: string) =>
  Effect.gen(function* () {
    const git = (...args: ReadonlyArray<string>) => Command.string(Command.make("git", "-C", directory, ...args))
    const head = (yield* git("rev-parse", "HEAD")).trim()
    const changes = yield* git("status", "--porcelain", "--untracked-files=no")
    return /^[0-9a-f]{40}$/.test(head) && changes.trim() === "" ? head : undefined
  }).pipe(Effect.orElseSucceed(() => undefined))

/**
 * Looks at what `--source` named. Fails with `Named` when it is neither a source tarball nor a kernel tree.
 *
 * @since 0.1.0
 * @category constructors
 */
export const findSource: (
  text: string
) => Effect.Effect<KernelSourcePath, KernelError, FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor> =
  Effect.fn("SourceTree.find")(function* (text: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const file = path.resolve(text)
    const unreadable = (cause: { readonly message: string }) =>
      named(`--source '${text}' cannot be read: ${cause.message}`, cause)
    const info = yield* Effect.mapError(fs.stat(file), unreadable)
    if (info.type === "Directory") {
      const tree = yield* Effect.orElseSucceed(fs.exists(path.join(file, "Kbuild")), () => false)
      if (!tree) return yield* named(`--source '${text}' is no kernel tree: it has no Kbuild`)
      const head = yield* commit(file)
      return {
        kind: "tree",
        path: file,
        identity: head?.slice(0, 12) ?? (yield* ofText(file)),
        stable: head !== undefined
      }
    }
    if (!isTarball(file)) {
      return yield* named(
        `--source '${text}' is neither a directory nor a tarball (.tar, .tar.xz, .tar.gz, .tar.bz2, .tar.zst)`
      )
    }
    return { kind: "tarball", path: file, identity: yield* Effect.mapError(sample(file), unreadable), stable: true }
  })
