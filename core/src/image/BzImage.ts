/**
 * The x86 boot image: determines what kind of kernel a file is, and where its compressed payload starts. Offsets are those of
 * Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header".
 *
 * @since 0.1.0
 */
import { Data, Either } from "effect"

/**
 * Compression of a bzImage's payload, determined by its first bytes.
 *
 * @since 0.1.0
 * @category models
 */
export type PayloadFormat = "gzip" | "zstd" | "lz4" | "xz" | "lzma" | "bzip2" | "lzo" | "none" | "unknown"

/**
 * The setup header of a bzImage. Offsets and sizes in bytes.
 *
 * @since 0.1.0
 * @category models
 */
export interface BzImageHeader {
  /** Boot protocol, high byte major, low byte minor: 0x020f is 2.15. */
  readonly protocol: number
  /** First word of the version string, as `uname -r` will print it; empty if the image has none. */
  readonly release: string
  /** The complete version string with builder and date. */
  readonly versionString: string
  /** Size of boot sector and setup code, in bytes; the protected-mode code begins after them. */
  readonly setupSize: number
  /** Minimum size of the file, in bytes: setup code and protected-mode code. */
  readonly requiredSize: number
  /** Position of the compressed kernel in the file; undefined before protocol 2.08. */
  readonly payload: { readonly offset: number; readonly length: number } | undefined
}

/**
 * The kind of a kernel file.
 *
 * @since 0.1.0
 * @category models
 */
export type KernelImage = { readonly _tag: "BzImage"; readonly header: BzImageHeader } | { readonly _tag: "Vmlinux" }

/**
 * A file is not a bootable x86-64 kernel. `message` continues a sentence that begins with the file's path.
 *
 * @since 0.1.0
 * @category errors
 */
export class KernelImageError extends Data.TaggedError("KernelImageError")<{
  readonly reason: "NotAKernel" | "Truncated" | "WrongArchitecture" | "Payload"
  readonly message: string
}> {}

/** Number of bytes from the start of a file that {@link parseKernelImage} needs: the largest setup area (64 sectors and the boot sector). */
export const kernelHeaderSize = 65 * 512

const fail = (reason: KernelImageError["reason"], message: string): Either.Either<never, KernelImageError> =>
  Either.left(new KernelImageError({ reason, message }))

const hex = (value: number): string => `0x${value.toString(16)}`

const cString = (bytes: Uint8Array, offset: number): string => {
  const end = bytes.indexOf(0, offset)
  return new TextDecoder("latin1").decode(bytes.subarray(offset, end < 0 ? bytes.length : end))
}

const parseElf = (start: Uint8Array): Either.Either<KernelImage, KernelImageError> => {
  if (start.length < 64) {
    return fail("Truncated", `is truncated: an ELF header has 64 bytes, the file has ${start.length}`)
  }
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  const machine = view.getUint16(18, true)
  // EM_X86_64; a 32-bit or foreign ELF has the same magic.
  if (start[4] !== 2 || machine !== 62) {
    return fail(
      "WrongArchitecture",
      `is not an x86-64 kernel: its ELF header says class ${start[4]}, machine ${machine}`
    )
  }
  return view.getUint16(16, true) === 2
    ? Either.right({ _tag: "Vmlinux" })
    : fail(
        "NotAKernel",
        "is not a kernel image: it is an ELF file of another kind than vmlinux (no fixed load address)"
      )
}

/**
 * Classifies a file by its size and its first {@link kernelHeaderSize} bytes (fewer if the file is shorter).
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseKernelImage = (start: Uint8Array, fileSize: number): Either.Either<KernelImage, KernelImageError> => {
  if (start[0] === 0x7f && start[1] === 0x45 && start[2] === 0x4c && start[3] === 0x46) return parseElf(start)
  if (start.length < 0x200 || start[0x1fe] !== 0x55 || start[0x1ff] !== 0xaa) {
    return fail(
      "NotAKernel",
      `is not a kernel image: no boot sector signature at 0x1fe and no ELF header (${fileSize} bytes); give a bzImage or a vmlinux`
    )
  }
  if (start.length < 0x206 || new TextDecoder("latin1").decode(start.subarray(0x202, 0x206)) !== "HdrS") {
    return fail("NotAKernel", `is not a kernel image: a boot sector without the setup header "HdrS" at 0x202`)
  }
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  // 0 means 4 for backwards compatibility (boot.rst, "setup_sects").
  const setupSize = ((start[0x1f1] || 4) + 1) * 512
  const requiredSize = setupSize + view.getUint32(0x1f4, true) * 16
  // syssize is rounded up to 16 bytes, but the file need not be.
  if (fileSize + 15 < requiredSize || start.length < 0x250) {
    return fail("Truncated", `is truncated: its header promises ${requiredSize} bytes, the file has ${fileSize}`)
  }
  const protocol = view.getUint16(0x206, true)
  // xloadflags bit 0, XLF_KERNEL_64: a 64-bit entry point exists (protocol 2.12).
  if (protocol < 0x020c || (view.getUint16(0x236, true) & 1) === 0) {
    return fail(
      "WrongArchitecture",
      `is not an x86-64 kernel: boot protocol ${hex(protocol)} without a 64-bit entry point`
    )
  }
  const versionAt = view.getUint16(0x20e, true)
  const versionString = versionAt === 0 ? "" : cString(start, 0x200 + versionAt)
  const offset = setupSize + view.getUint32(0x248, true)
  const length = view.getUint32(0x24c, true)
  if (offset + length > fileSize) {
    return fail("Truncated", `is truncated: its payload ends at byte ${offset + length}, the file has ${fileSize}`)
  }
  return Either.right({
    _tag: "BzImage",
    header: {
      protocol,
      release: versionString.split(" ")[0] ?? "",
      versionString,
      setupSize,
      requiredSize,
      payload: length === 0 ? undefined : { offset, length }
    }
  })
}

const magics: ReadonlyArray<readonly [PayloadFormat, ReadonlyArray<number>]> = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["lz4", [0x02, 0x21, 0x4c, 0x18]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["lzma", [0x5d, 0x00, 0x00]],
  ["lzo", [0x89, 0x4c, 0x5a, 0x4f]],
  ["none", [0x7f, 0x45, 0x4c, 0x46]]
]

/**
 * Returns the compression of a payload, from its first bytes.
 *
 * @since 0.1.0
 * @category parsing
 */
export const payloadFormat = (payload: Uint8Array): PayloadFormat =>
  magics.find(([, magic]) => magic.every((byte, index) => payload[index] === byte))?.[0] ?? "unknown"

/**
 * Splits a payload into the compressed stream and its unpacked size. The kernel's build appends that size as 4 bytes to every format except gzip,
 * which has it in its own trailer (scripts/Makefile.lib, `size_append`).
 *
 * @since 0.1.0
 * @category parsing
 */
export const splitPayload = (
  payload: Uint8Array
): { readonly format: PayloadFormat; readonly stream: Uint8Array; readonly size: number } => {
  const format = payloadFormat(payload)
  const size =
    payload.length < 4 ? 0 : new DataView(payload.buffer, payload.byteOffset).getUint32(payload.length - 4, true)
  return { format, size, stream: format === "gzip" ? payload : payload.subarray(0, Math.max(0, payload.length - 4)) }
}
