/**
 * Packs entries of the kernel cache as one file for remote caches: a tar compressed with gzip.
 *
 * @since 0.1.0
 */
import { buffer } from "node:stream/consumers"
import { promisify } from "node:util"
import { gunzip, gzip } from "node:zlib"
import { FileSystem, Path } from "@effect/platform"
import { sha256Hex } from "@ktstr/core/base"
import { encodeKernelMetadata, type KernelEntry, parseKernelMetadata, type StoreInput } from "@ktstr/core/kernel"
import { Data, Effect, Either } from "effect"
import { extract, pack } from "tar-stream"

/**
 * @since 0.1.0
 * @category errors
 */
export class EntryArchiveError extends Data.TaggedError("EntryArchiveError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/** More than any kernel: one of a distribution has 80 MB. */
const maxBytes = 2 ** 30

const metadataName = "metadata.json"

const failed = (message: string, cause?: unknown) => new EntryArchiveError({ message, cause })

const attempt = <A>(what: string, work: () => Promise<A>): Effect.Effect<A, EntryArchiveError> =>
  Effect.tryPromise({
    try: work,
    catch: (cause) => failed(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  })

/**
 * Packs the files of an entry. Fails if they can't be read.
 *
 * @since 0.1.0
 * @category encoding
 */
export const packEntry: (
  entry: KernelEntry
) => Effect.Effect<Uint8Array, EntryArchiveError, FileSystem.FileSystem | Path.Path> = Effect.fn("EntryArchive.pack")(
  function* ({ directory, metadata }: KernelEntry) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const records = [metadata.image, metadata.vmlinux, metadata.config].flatMap((record) => record ?? [])
    const files = yield* Effect.forEach(records, ({ file }) =>
      Effect.map(fs.readFile(path.join(directory, file)), (bytes) => ({ name: file, bytes }))
    ).pipe(Effect.mapError((cause) => failed(cause.message, cause)))
    return yield* attempt("packing", async () => {
      const tar = pack()
      const chunks: Array<Uint8Array> = []
      const whole = (async () => {
        for await (const chunk of tar as AsyncIterable<Uint8Array>) chunks.push(chunk)
      })()
      tar.entry({ name: metadataName }, encodeKernelMetadata(metadata))
      for (const { name, bytes } of files) {
        tar.entry({ name }, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
      }
      tar.finalize()
      await whole
      return new Uint8Array(await promisify(gzip)(Buffer.concat(chunks)))
    })
  }
)

/** Returns the regular files of a tar by name. Their sizes can't exceed that of the tar. */
const filesOf = async (tar: Uint8Array): Promise<ReadonlyMap<string, Uint8Array>> => {
  const files = new Map<string, Uint8Array>()
  const reader = extract()
  reader.end(tar)
  for await (const entry of reader) {
    const bytes = await buffer(entry)
    if (entry.header.type === "file") files.set(entry.header.name, new Uint8Array(bytes))
  }
  return files
}

/** Keys become names of directories. */
const isSafeKey = (key: string): boolean => /^[A-Za-z0-9][A-Za-z0-9.+~_-]{0,200}$/.test(key)

/**
 * Unpacks an entry for `KernelCache.store` and checks it against its metadata: sizes and SHA-256 of all files. Nothing is written. Whether the
 * entry is the requested one is for the caller to check.
 *
 * @since 0.1.0
 * @category parsing
 */
export const unpackEntry: (archive: Uint8Array) => Effect.Effect<StoreInput, EntryArchiveError> = Effect.fn(
  "EntryArchive.unpack"
)(function* (archive: Uint8Array) {
  const tar = yield* attempt("unpacking", () => promisify(gunzip)(archive, { maxOutputLength: maxBytes }))
  const files = yield* attempt("unpacking", () => filesOf(tar))
  const text = files.get(metadataName)
  if (text === undefined) return yield* failed(`it has no ${metadataName}`)
  const metadata = yield* Either.mapLeft(parseKernelMetadata(new TextDecoder().decode(text)), ({ error }) =>
    failed(error)
  )
  const { key, version, label, source, schedExt, kconfigHash, vmlinuxAbsent } = metadata
  if (!isSafeKey(key)) return yield* failed(`its key ${JSON.stringify(key)} is none`)
  const checked = Effect.fnUntraced(function* (record: { readonly file: string; readonly sha256: string }) {
    const bytes = files.get(record.file)
    if (bytes === undefined) return yield* failed(`it lacks ${record.file}`)
    const sha256 = yield* sha256Hex(bytes)
    return sha256 === record.sha256
      ? bytes
      : yield* failed(`${record.file} has SHA-256 ${sha256}, its metadata says ${record.sha256}`)
  })
  return {
    key,
    version,
    label,
    source,
    schedExt,
    kconfigHash: kconfigHash ?? undefined,
    image: yield* checked(metadata.image),
    config: metadata.config === null ? undefined : yield* checked(metadata.config),
    vmlinux:
      metadata.vmlinux === null
        ? { _tag: "Absent", reason: vmlinuxAbsent ?? "not known" }
        : { _tag: "Elf", bytes: yield* checked(metadata.vmlinux) }
  }
})
