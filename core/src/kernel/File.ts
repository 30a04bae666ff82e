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
import { type BzImageHeader, buildOfElf, buildOfImage, inspectKernel, unpackKernel } from "../image/index.ts"
import { KernelError } from "./Error.ts"
import { labelOf } from "./Label.ts"
import type { ResolvedKernel } from "./Resolver.ts"

/** Number of unpacked ELF files to keep, apart from those used in the last hour; each is about 64 MB. */
const keptImages = 4

/** Returns whether a cached file is a kernel of the same build as the image; if the image names no build, any kernel will do. */
const isElfOf = Effect.fnUntraced(function* (header: BzImageHeader, file: string) {
  const fs = yield* FileSystem.FileSystem
  if ((yield* inspectKernel(file))._tag !== "Vmlinux") return false
  const wanted = buildOfImage(header.versionString)
  if (wanted === undefined) return true
  const found = buildOfElf(yield* fs.readFile(file))
  return found?.release === wanted.release && found.build === wanted.build
})

/**
 * Returns the ELF of an image from the content-keyed cache, unpacking it first if needed. Fails with `KernelError` only if the image consists of two
 * different kernels.
 */
const cachedElf = Effect.fn("KernelFile.cachedElf")(function* (
  image: { readonly file: string; readonly bytes: Uint8Array; readonly header: BzImageHeader },
  hash: string,
  images: string
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { header } = image
  const file = path.join(images, `${hash}.vmlinux`)
  if (yield* Effect.orElseSucceed(isElfOf(header, file), () => false)) {
    const now = new Date()
    yield* Effect.ignore(fs.utimes(file, now, now))
    return file
  }
  yield* fs.makeDirectory(images, { recursive: true })
  yield* fs.access(images, { writable: true })
  const elf = yield* unpackKernel(image.bytes)
  // Build numbers are not compared: a kernel's setup code may be older than the rest of the same image.
  const release = buildOfElf(elf)?.release
  if (release !== undefined && header.release !== "" && release !== header.release) {
    return yield* new KernelError({
      reason: "Named",
      message: `${image.file} is put together of two kernels: its header says ${header.release}, what it unpacks to says ${release}; give an image as its build left it`
    })
  }
  const temporary = path.join(images, `${yield* ownTemporaryPrefix(".tmp")}${crypto.randomUUID().slice(0, 8)}`)
  yield* fs.writeFile(temporary, elf).pipe(
    Effect.zipRight(fs.rename(temporary, file)),
    Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true })))
  )
  yield* pruneCache(images, ".vmlinux", keptImages)
  return file
})

/**
 * Checks that a file is a bootable x86-64 kernel and describes it. Fails with `Named` if it is not one, or if the release in a bzImage's header
 * differs from that of the kernel in it. The ELF of a bzImage is unpacked into the image cache, and again if the cached one is of another build. If
 * that is impossible (no codec, read-only or full cache), the bzImage itself is booted.
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
      // A vmlinux with debug information has hundreds of megabytes, so path, size and time identify it.
      const info = yield* Effect.mapError(fs.stat(image), unreadable)
      const time = Option.match(info.mtime, { onNone: () => 0, onSome: (mtime) => mtime.getTime() })
      const hash = yield* sha256Hex(new TextEncoder().encode(`${image} ${info.size} ${time}`))
      return { image, vmlinux: image, version: path.basename(image), key: undefined, origin, label: labelled(hash) }
    }
    const bytes = yield* Effect.mapError(fs.readFile(image), unreadable)
    const hash = yield* sha256Hex(bytes)
    const vmlinux = yield* directories.pipe(
      // Without a cache the image itself is booted.
      Effect.option,
      Effect.flatMap(
        Option.match({
          onNone: () => Effect.succeed(undefined),
          onSome: ({ images }) =>
            cachedElf({ file: image, bytes, header: kind.header }, hash, images).pipe(
              Effect.catchIf(
                (error) => error._tag !== "KernelError",
                () => Effect.succeed(undefined)
              )
            )
        })
      )
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
