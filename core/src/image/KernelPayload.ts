/**
 * Inspects kernel files, and unpacks a bzImage to its uncompressed ELF.
 *
 * @since 0.1.0
 */
import { gunzip } from "node:zlib"
import { FileSystem } from "@effect/platform"
import { Context, Effect, Either } from "effect"
import {
  type KernelImage,
  KernelImageError,
  kernelHeaderSize,
  type PayloadFormat,
  parseKernelImage,
  splitPayload
} from "./BzImage.ts"
import { btfNames, isElf } from "./Elf.ts"

/** Maximum size of an unpacked kernel in MiB, twenty times that of a distribution's kernel. */
const unpackedMebibytes = 1024

/**
 * Unpacks a compressed stream to exactly `size` bytes and never holds more of them; fails if the stream contains more. May throw anything on corrupt
 * data; the caller reports it.
 *
 * @since 0.1.0
 * @category models
 */
export type PayloadCodec = (stream: Uint8Array, size: number) => Effect.Effect<Uint8Array, unknown>

/**
 * The available decompressors. Core has gzip; `@ktstr/kernel-sources` adds zstd, lz4 and xz, using the programs of those names.
 *
 * @since 0.1.0
 * @category services
 */
export class PayloadCodecs extends Context.Reference<PayloadCodecs>()("@ktstr/core/PayloadCodecs", {
  defaultValue: (): Readonly<Partial<Record<PayloadFormat, PayloadCodec>>> => ({
    gzip: (stream, size) =>
      Effect.async((resume) => {
        gunzip(stream, { maxOutputLength: Math.max(1, size) }, (cause, bytes) => {
          const tooLong =
            cause instanceof RangeError ? new Error(`more than the ${size} bytes its trailer promises`) : cause
          resume(cause === null ? Effect.succeed(bytes) : Effect.fail(tooLong))
        })
      }),
    none: (stream) => Effect.succeed(stream)
  })
}) {}

/**
 * Reads a file's header and returns the kind of kernel it is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const inspectKernel: (path: string) => Effect.Effect<KernelImage, KernelImageError, FileSystem.FileSystem> =
  Effect.fn("KernelPayload.inspectKernel")(function* (path: string) {
    const fs = yield* FileSystem.FileSystem
    const [start, size] = yield* Effect.scoped(
      Effect.gen(function* () {
        const file = yield* fs.open(path)
        const info = yield* file.stat
        const bytes = new Uint8Array(Math.min(kernelHeaderSize, Number(info.size)))
        let filled = 0
        while (filled < bytes.length) {
          const read = Number(yield* file.read(bytes.subarray(filled)))
          if (read === 0) break
          filled += read
        }
        return [bytes.subarray(0, filled), Number(info.size)] as const
      })
    ).pipe(
      Effect.mapError(
        (cause) => new KernelImageError({ reason: "NotAKernel", message: `cannot be read: ${cause.message}` })
      )
    )
    return yield* parseKernelImage(start, size)
  })

/**
 * Unpacks the uncompressed ELF of a bzImage. Fails with `Payload` if there is no codec for its compression or the data is corrupt; the image itself
 * can still be booted.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unpackKernel: (image: Uint8Array) => Effect.Effect<Uint8Array, KernelImageError> = Effect.fn(
  "KernelPayload.unpackKernel"
)(function* (image: Uint8Array) {
  const parsed = yield* parseKernelImage(image.subarray(0, kernelHeaderSize), image.length)
  if (parsed._tag === "Vmlinux") return image
  const where = parsed.header.payload
  if (where === undefined) {
    return yield* new KernelImageError({ reason: "Payload", message: "has no payload that can be unpacked" })
  }
  const { format, size, stream } = splitPayload(image.subarray(where.offset, where.offset + where.length))
  const codec = (yield* PayloadCodecs)[format]
  if (codec === undefined) {
    return yield* new KernelImageError({
      reason: "Payload",
      message: `is compressed with ${format}, which ktstr cannot unpack`
    })
  }
  if (format !== "none" && size > unpackedMebibytes * 2 ** 20) {
    return yield* new KernelImageError({
      reason: "Payload",
      message: `has a ${format} payload of ${size} bytes unpacked, more than the ${unpackedMebibytes} MiB ktstr unpacks`
    })
  }
  const corrupt = (cause: unknown) =>
    new KernelImageError({
      reason: "Payload",
      message: `has a corrupt ${format} payload: ${cause instanceof Error ? cause.message : String(cause)}`
    })
  const elf = yield* codec(stream, size).pipe(
    Effect.mapError(corrupt),
    Effect.catchAllDefect((cause) => Effect.fail(corrupt(cause)))
  )
  return isElf(elf)
    ? elf
    : yield* new KernelImageError({ reason: "Payload", message: `has a ${format} payload that holds no ELF file` })
})

/**
 * Returns whether a kernel's BTF contains `sched_ext_ops`: it was built with CONFIG_SCHED_CLASS_EXT and can load BPF schedulers.
 *
 * @since 0.1.0
 * @category parsing
 */
export const hasSchedExt = (vmlinux: Uint8Array): boolean =>
  Either.getOrElse(btfNames(vmlinux, "sched_ext_ops"), () => false)
