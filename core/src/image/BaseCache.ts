/**
 * The cached initramfs: an entry is used only after its owner, its mode and every byte of it have been checked.
 *
 * @since 0.2.0
 */
import { chmodSync, constants, lstatSync } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import { FileSystem, Path } from "@effect/platform"
import type { PlatformError } from "@effect/platform/Error"
import { Effect } from "effect"
import { CacheError, cacheWriteError, pruneCache, resolveCacheDirs } from "../cache/index.ts"
import { ownTemporaryPrefix } from "../host/index.ts"

/** Number of bases to keep, apart from those used in the last hour. */
const keptBases = 16

const chunkSize = 2 ** 20

const othersMayWrite = 0o022

/** Returns who owns a file if it is neither this user nor root. */
const strangerOf = ({ uid }: { readonly uid: number }): string | undefined => {
  const self = process.geteuid?.()
  return self === undefined || uid === self || uid === 0 ? undefined : `belongs to user ${uid}`
}

const exposureOf = ({ mode }: { readonly mode: number }): string | undefined =>
  (mode & othersMayWrite) === 0 ? undefined : `may be written by others (mode ${(mode & 0o7777).toString(8)})`

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""

/** Compares a file with the consecutive parts of its content, chunk by chunk. */
const holds = async (file: FileHandle, content: ReadonlyArray<Uint8Array>): Promise<boolean> => {
  const chunk = Buffer.alloc(chunkSize)
  for (const part of content) {
    for (let at = 0; at < part.length; ) {
      const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, part.length - at))
      if (bytesRead === 0 || !chunk.subarray(0, bytesRead).equals(part.subarray(at, at + bytesRead))) return false
      at += bytesRead
    }
  }
  return true
}

type Entry = { readonly _tag: "Good" } | { readonly _tag: "Absent" } | { readonly _tag: "Bad"; readonly why: string }

/** Inspects the file at a path and compares it with the content that it must have. */
const inspect = async (path: string, content: ReadonlyArray<Uint8Array>): Promise<Entry> => {
  let file: FileHandle
  try {
    // Without O_NONBLOCK, opening a pipe with this name would wait for a writer.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const code = codeOf(error)
    if (code === "ENOENT") return { _tag: "Absent" }
    return { _tag: "Bad", why: code === "ELOOP" ? "is a symbolic link" : `cannot be read (${code})` }
  }
  try {
    const info = await file.stat()
    if (!info.isFile()) return { _tag: "Bad", why: "is not a file" }
    const exposed = strangerOf(info) ?? exposureOf(info)
    if (exposed !== undefined) return { _tag: "Bad", why: exposed }
    const length = content.reduce((sum, part) => sum + part.length, 0)
    if (info.size !== length) return { _tag: "Bad", why: `has ${info.size} bytes instead of ${length}` }
    return (await holds(file, content)) ? { _tag: "Good" } : { _tag: "Bad", why: "is damaged" }
  } catch (error) {
    return { _tag: "Bad", why: `cannot be read (${codeOf(error)})` }
  } finally {
    await file.close()
  }
}

/** Makes sure that only this user can write the directory; otherwise somebody could replace an entry after it was checked. */
const claimDirectory = (directory: string): Effect.Effect<void, CacheError> =>
  Effect.try({
    try: () => {
      const info = lstatSync(directory)
      const why = info.isDirectory() ? strangerOf(info) : "is not a directory"
      if (why === undefined && exposureOf(info) !== undefined) chmodSync(directory, 0o700)
      return why
    },
    catch: (cause) => cacheWriteError("write", directory, { message: String(cause) })
  }).pipe(
    Effect.flatMap((why) =>
      why === undefined
        ? Effect.void
        : new CacheError({
            message: `cache directory ${directory} ${why}: remove it, or set KTSTR_CACHE_DIR to another directory`
          })
    )
  )

/**
 * Writes consecutive parts to a file, without a copy of them.
 *
 * @since 0.2.0
 * @category writing
 */
export const writeParts = (
  path: string,
  parts: ReadonlyArray<Uint8Array>,
  options?: FileSystem.OpenFileOptions
): Effect.Effect<void, PlatformError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const file = yield* fs.open(path, { flag: "w", ...options })
    yield* Effect.forEach(parts, (part) => file.writeAll(part), { discard: true })
  }).pipe(Effect.scoped)

/**
 * Returns the path of a cached archive with these consecutive parts; writes the archive if it is not there. An entry that is damaged, a symbolic link, or owned
 * by somebody else is replaced, and `warnings` says so.
 *
 * @since 0.2.0
 * @category constructors
 */
export const cachedBase: (
  name: string,
  archive: ReadonlyArray<Uint8Array>
) => Effect.Effect<
  { readonly path: string; readonly warnings: ReadonlyArray<string> },
  CacheError,
  FileSystem.FileSystem | Path.Path
> = Effect.fn("BaseCache.cached")(function* (name: string, archive: ReadonlyArray<Uint8Array>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { initramfs } = yield* resolveCacheDirs
  const file = path.join(initramfs, name)
  const temporary = path.join(initramfs, `${yield* ownTemporaryPrefix(".tmp")}${crypto.randomUUID().slice(0, 8)}`)
  const unwritable = (cause: { readonly message: string }) => cacheWriteError("write", initramfs, cause)
  const isThere = yield* Effect.orElseSucceed(fs.exists(initramfs), () => false)
  if (!isThere) {
    yield* fs.makeDirectory(path.dirname(initramfs), { recursive: true }).pipe(
      Effect.zipRight(fs.makeDirectory(initramfs, { mode: 0o700 })),
      // Another process may have made it first.
      Effect.catchIf(
        (error) => error._tag === "SystemError" && error.reason === "AlreadyExists",
        () => Effect.void
      ),
      Effect.mapError(unwritable)
    )
  }
  yield* claimDirectory(initramfs)
  const entry = yield* Effect.promise(() => inspect(file, archive))
  if (entry._tag === "Good") {
    const now = new Date()
    yield* Effect.ignore(fs.utimes(file, now, now))
    return { path: file, warnings: [] }
  }
  yield* writeParts(temporary, archive, { flag: "wx", mode: 0o600 }).pipe(
    // A rename replaces a symbolic link, not the link's target.
    Effect.zipRight(fs.rename(temporary, file)),
    Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true }))),
    Effect.mapError(unwritable)
  )
  yield* pruneCache(initramfs, ".cpio", keptBases)
  const warnings = entry._tag === "Bad" ? [`the cached initramfs ${file} ${entry.why}; it was made again`] : []
  return { path: file, warnings }
})
