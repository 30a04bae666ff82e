/** Sparse files, with holes in place of zeroes. A third of a kernel's ELF is zeroes, which then take neither disk space nor time to load. */
import { FileSystem, type Error as PlatformError } from "@effect/platform"
import { Effect } from "effect"

/** Smallest size of a hole in bytes; shorter runs of zeroes are written, because small holes save nothing. */
const blockBytes = 64 * 1024

/** Returns the parts of `bytes` that are not blocks of zeroes, as [start, end) offsets. */
export const dataExtents = (bytes: Uint8Array): ReadonlyArray<readonly [start: number, end: number]> => {
  const extents: Array<readonly [number, number]> = []
  let start: number | undefined
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const isZero = bytes.subarray(at, at + blockBytes).every((byte) => byte === 0)
    if (isZero && start !== undefined) {
      extents.push([start, at])
      start = undefined
    } else if (!isZero) {
      start ??= at
    }
  }
  return start === undefined ? extents : [...extents, [start, bytes.length]]
}

/** Writes a file and syncs it to disk, so that a power cut does not leave an empty one. */
export const writeDurably = (
  fs: FileSystem.FileSystem,
  file: string,
  bytes: Uint8Array
): Effect.Effect<void, PlatformError.PlatformError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const open = yield* fs.open(file, { flag: "w" })
      for (const [start, end] of dataExtents(bytes)) {
        yield* open.seek(FileSystem.Size(start), "start")
        yield* open.writeAll(bytes.subarray(start, end))
      }
      yield* open.truncate(FileSystem.Size(bytes.length))
      yield* open.sync
    })
  )
