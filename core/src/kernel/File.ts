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

/** ELF files kept beside those of the last hour: a kernel of 64 MB each. */
const keptImages = 4

/** Whether a file of the cache is a kernel of the build that the image names; where that names none, a kernel. */
const isElfOf = Effect.fnUntraced(function* (header: BzImageHeader, file: string) {
  const fs = yield* FileSystem.FileSystem
  if ((yield* inspectKernel(file))._tag !== "Vmlinux") return false
  const wanted = buildOfImage(header.versionString)
  if (wanted === undefined) return true
  const found = buildOfElf(yield* fs.readFile(file))
  return found?.release === wanted.release && found.build === wanted.build
})

/** The ELF of an image from the content-keyed cache, unpacked into it when it is not there. Fails with `KernelError` only for an image of two kernels. */
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
  // The number of the build is not compared: one kernel's setup code may be older than what it unpacks.
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
 * Checks that a file is a bootable x86-64 kernel and says what is known of it; fails with `Named` when it is none, or when the release in
 * a bzImage's header is not that of the kernel in it. The ELF of a bzImage is unpacked into the image cache, again where the one there is of
 * another build; where that can't be (no codec, read-only or full cache) the image is booted as it is.
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
      // Where there is no cache, the image is booted as it is.
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
