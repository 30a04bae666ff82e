/** Reads entries of the kernel cache and detects corrupt ones. */
import { FileSystem, Path } from "@effect/platform"
import { DateTime, Effect, Option } from "effect"
import { sha256OfFile } from "../base/index.ts"
import { type Corruption, type FileRecord, type KernelMetadata, parseKernelMetadata } from "./Metadata.ts"

/**
 * A valid entry. Paths are absolute.
 *
 * @since 0.1.0
 * @category models
 */
export interface KernelEntry {
  /** Name of the entry's directory. */
  readonly key: string
  readonly directory: string
  readonly image: string
  readonly vmlinux: string | undefined
  /** The configuration it was built with. A fetched kernel has one if its distribution packages it. */
  readonly config: string | undefined
  readonly metadata: KernelMetadata
}

/**
 * The content of one directory of the cache.
 *
 * @since 0.1.0
 * @category models
 */
export type CacheEntry =
  | { readonly _tag: "Valid"; readonly entry: KernelEntry }
  | { readonly _tag: "Corrupt"; readonly key: string; readonly directory: string; readonly corruption: Corruption }

const metadataFile = "metadata.json"

/** Tolerance for file times in milliseconds: archives may keep only whole, even seconds. */
const coarsenessMs = 2000

/** Returns the modification time in milliseconds since the epoch; undefined if unknown. */
const modifiedAt = ({ mtime }: FileSystem.File.Info): number | undefined =>
  Option.getOrUndefined(Option.map(mtime, (time) => time.getTime()))

const checkSize = Effect.fnUntraced(function* (file: string, record: FileRecord) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.stat(file).pipe(
    Effect.mapError(
      (cause): Corruption =>
        cause._tag === "SystemError" && cause.reason === "NotFound"
          ? { kind: "image_missing", error: `${metadataFile} names ${record.file}, which is not there` }
          : { kind: "unknown", error: `${record.file} cannot be looked at: ${cause.message}` }
    ),
    Effect.filterOrFail(
      (info) => info.type === "File",
      (info): Corruption => ({ kind: "unknown", error: `${record.file} is no file but a ${info.type.toLowerCase()}` })
    ),
    Effect.filterOrFail(
      (info) => Number(info.size) === record.size,
      (info): Corruption => ({
        kind: "truncated",
        error: `${record.file} truncated: it has ${info.size} bytes, ${metadataFile} says ${record.size}`
      })
    )
  )
})

const checkHash = Effect.fnUntraced(function* (file: string, record: FileRecord) {
  const sha256 = yield* Effect.mapError(
    sha256OfFile(file),
    (cause): Corruption => ({ kind: "unknown", error: `${record.file} cannot be read: ${cause.message}` })
  )
  if (sha256 === record.sha256) return
  const [is, was] = [sha256, record.sha256].map((hash) => `${hash.slice(0, 12)}…`)
  const error = `${record.file} damaged: it has SHA-256 ${is}, ${metadataFile} says ${was}`
  return yield* Effect.fail<Corruption>({ kind: "unknown", error })
})

/**
 * Reads an entry and compares file sizes with its metadata. Compares hashes as well: of all files with `everyHash`, else only of files whose
 * modification time lies outside the time of the store, from the start recorded in the metadata to the writing of the metadata file, which is last.
 * The metadata file then gets a new time, so that a copy without original times is hashed only once.
 */
export const readKernelEntry: (
  root: string,
  key: string,
  everyHash: boolean
) => Effect.Effect<CacheEntry, never, FileSystem.FileSystem | Path.Path> = Effect.fnUntraced(function* (
  root: string,
  key: string,
  everyHash: boolean
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = path.join(root, key)
  const at = (file: string) => path.join(directory, file)
  const read = Effect.gen(function* () {
    const text = yield* fs
      .readFileString(at(metadataFile))
      .pipe(
        Effect.mapError(
          (cause): Corruption =>
            cause._tag === "SystemError" && cause.reason === "NotFound"
              ? { kind: "missing", error: `${metadataFile} missing` }
              : { kind: "unreadable", error: `${metadataFile} unreadable: ${cause.message}` }
        )
      )
    const metadata = yield* parseKernelMetadata(text)
    const records = [metadata.image, metadata.vmlinux, metadata.config].filter((record) => record !== null)
    const written = yield* Effect.option(fs.stat(at(metadataFile)))
    const last = Option.getOrUndefined(Option.map(written, modifiedAt)) ?? Number.NEGATIVE_INFINITY
    const first = DateTime.toEpochMillis(metadata.builtAt) - coarsenessMs
    const touched: Array<FileRecord> = []
    for (const record of records) {
      const time = modifiedAt(yield* checkSize(at(record.file), record)) ?? Number.POSITIVE_INFINITY
      if (time < first || time > last) touched.push(record)
    }
    for (const record of everyHash ? records : touched) yield* checkHash(at(record.file), record)
    // A reader may lack the permission.
    const now = new Date()
    if (touched.length > 0) yield* Effect.ignore(fs.utimes(at(metadataFile), now, now))
    const entry: KernelEntry = {
      key,
      directory,
      metadata,
      image: at(metadata.image.file),
      vmlinux: metadata.vmlinux === null ? undefined : at(metadata.vmlinux.file),
      config: metadata.config === null ? undefined : at(metadata.config.file)
    }
    return { _tag: "Valid", entry } as const
  }).pipe(Effect.catchAll((corruption) => Effect.succeed<CacheEntry>({ _tag: "Corrupt", key, directory, corruption })))
  // Read again if it is corrupt: the entry may have been replaced during the first read.
  return yield* Effect.flatMap(read, (found) => (found._tag === "Corrupt" ? read : Effect.succeed(found)))
})
