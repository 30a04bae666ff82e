/**
 * A kernel image outside the cache: checked, and unpacked once.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import type { PlatformError } from "@effect/platform/Error"
import { Effect, Option } from "effect"
import { sha256Hex } from "../base/index.ts"
import { type CacheDirs, pruneCache } from "../cache/index.ts"
import { ownTemporaryPrefix } from "../host/index.ts"
import { inspectKernel, unpackKernel } from "../image/index.ts"
import { KernelError } from "./Error.ts"
import { labelOf } from "./Label.ts"
import type { ResolvedKernel } from "./Resolver.ts"

/** ELF files kept beside those of the last hour: a kernel of 64 MB each. */
const keptImages = 4

/** The ELF of an image from the content-keyed cache, unpacked into it when it is not there. Fails when neither works. */
const cachedElf = Effect.fn("KernelFile.cachedElf")(function* (image: Uint8Array, hash: string, images: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(images, `${hash}.vmlinux`)
  if (yield* fs.exists(file)) {
    yield* inspectKernel(file)
    const now = new Date()
    yield* Effect.ignore(fs.utimes(file, now, now))
    return file
  }
  yield* fs.makeDirectory(images, { recursive: true })
  yield* fs.access(images, { writable: true })
  const elf = yield* unpackKernel(image)
  const temporary = path.join(images, `${yield* ownTemporaryPrefix(".tmp")}${crypto.randomUUID().slice(0, 8)}`)
  yield* fs.writeFile(temporary, elf).pipe(
    Effect.zipRight(fs.rename(temporary, file)),
    Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true })))
  )
  yield* pruneCache(images, ".vmlinux", keptImages)
  return file
})

/**
 * Checks that a file is a bootable x86-64 kernel and says what is known of it; fails with `Named` when it is none. The ELF of a bzImage is
 * unpacked into the image cache; where that can't be (no codec, read-only or full cache) the image is booted as it is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const describeImage: (
  image: string,
  origin: string,
  directories: Effect.Effect<CacheDirs, KernelError>
) => Effect.Effect<ResolvedKernel, KernelError, FileSystem.FileSystem | Path.Path> = Effect.fn("KernelFile.describe")(
  function* (image: string, origin: string, directories: Effect.Effect<CacheDirs, KernelError>) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const kind = yield* Effect.mapError(
      inspectKernel(image),
      (cause) => new KernelError({ reason: "Named", message: `${image} ${cause.message}`, cause })
    )
    const labelled = (hash: string): string => labelOf("path", path.basename(image), hash.slice(0, 6))
    const unreadable = (cause: PlatformError) =>
      new KernelError({ reason: "Named", message: `${image} cannot be read: ${cause.message}`, cause })
    if (kind._tag === "Vmlinux") {
      // With debug information it is hundreds of megabytes: its identity is its place, size and time.
      const info = yield* Effect.mapError(fs.stat(image), unreadable)
      const time = Option.match(info.mtime, { onNone: () => 0, onSome: (mtime) => mtime.getTime() })
      const hash = yield* sha256Hex(new TextEncoder().encode(`${image} ${info.size} ${time}`))
      return { image, vmlinux: image, version: path.basename(image), key: undefined, origin, label: labelled(hash) }
    }
    const bytes = yield* Effect.mapError(fs.readFile(image), unreadable)
    const hash = yield* sha256Hex(bytes)
    const vmlinux = yield* directories.pipe(
      Effect.flatMap(({ images }) => cachedElf(bytes, hash, images)),
      Effect.option,
      Effect.map(Option.getOrUndefined)
    )
    return {
      image,
      vmlinux,
      version: kind.header.release || path.basename(image),
      key: undefined,
      origin,
      label: labelled(hash)
    }
  }
)
