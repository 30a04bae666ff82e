/**
 * Where the bytes of a kernel are loaded and where the kernel is entered.
 *
 * @since 0.1.0
 */

import { elfProgram, isElf, kernelHeaderSize, parseKernelImage } from "@ktstr/core/image"
import { Either } from "effect"
import { MachineError } from "./MachineError.ts"

/**
 * A kernel file. Its beginning is enough to determine where everything is loaded.
 *
 * @since 0.1.0
 * @category models
 */
export interface KernelFile {
  /** At least the first 64 KiB, or the whole file. */
  readonly head: Uint8Array
  /** Size of the file in bytes. */
  readonly size: number
}

/**
 * A part of a file that is loaded into guest-physical memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface FileRange {
  readonly address: number
  readonly offset: number
  readonly size: number
}

/**
 * Bytes for guest-physical memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface MemoryWrite {
  readonly address: number
  readonly bytes: Uint8Array
}

/**
 * @since 0.1.0
 * @category models
 */
export interface AddressRange {
  readonly address: number
  readonly size: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface KernelLoad {
  /** Address of the 64-bit entry point. */
  readonly entry: number
  /** The parts of the file that are loaded. */
  readonly parts: ReadonlyArray<FileRange>
  /**
   * Memory that the kernel uses before it knows the memory map: its segments with BSS, or the area in which a bzImage
   * unpacks itself.
   */
  readonly occupied: AddressRange
  /** The setup header of a bzImage from offset 0x1f1; undefined for an ELF file, which has none. */
  readonly setupHeader: Uint8Array | undefined
  /** Highest address the last byte of an initramfs may have. */
  readonly initrdMax: number
  /** Longest command line in bytes without its NUL; undefined if the kernel does not specify it. */
  readonly maxCmdline: number | undefined
}

const bad = (message: string): MachineError => new MachineError({ reason: "BadKernel", message })

const loadElf = ({ head, size }: KernelFile): Either.Either<KernelLoad, MachineError> =>
  Either.flatMap(
    Either.mapLeft(elfProgram(head, size), (error) =>
      bad(`kernel ELF: ${error.message}; give an uncompressed vmlinux`)
    ),
    ({ entry, segments }) => {
      const present = segments.filter((segment) => segment.memorySize > 0)
      if (present.length === 0) return Either.left(bad("kernel ELF has no loadable segment; give a vmlinux"))
      const from = Math.min(...present.map((segment) => segment.physicalAddress))
      const to = Math.max(...present.map((segment) => segment.physicalAddress + segment.memorySize))
      // phys_startup_64 is the first instruction of the kernel's text; relocatable objects and other programs lack it.
      if (entry < from || entry >= to) {
        return Either.left(
          bad(
            `kernel ELF is entered at 0x${entry.toString(16)}, outside its segments (0x${from.toString(16)} to 0x${to.toString(16)}); give a vmlinux`
          )
        )
      }
      return Either.right({
        entry,
        parts: present
          .filter((segment) => segment.size > 0)
          .map(({ physicalAddress, offset, size }) => ({ address: physicalAddress, offset, size })),
        occupied: { address: from, size: to - from },
        setupHeader: undefined,
        initrdMax: 0x7fffffff,
        maxCmdline: undefined
      })
    }
  )

/** Offsets of Documentation/arch/x86/boot.rst, "Details of Header Fields", in the file. */
const at = {
  header: 0x1f1,
  jump: 0x201,
  initrdMax: 0x22c,
  cmdlineSize: 0x238,
  prefAddress: 0x258,
  initSize: 0x260
} as const

/** The 64-bit entry point lies 0x200 into the protected-mode code (boot.rst, "64-bit Boot Protocol"). */
const entryOffset = 0x200

const loadBzImage = (kernel: KernelFile): Either.Either<KernelLoad, MachineError> =>
  Either.flatMap(
    Either.mapLeft(parseKernelImage(kernel.head.subarray(0, kernelHeaderSize), kernel.size), (error) =>
      bad(`kernel ${error.message}`)
    ),
    (image) => {
      if (image._tag === "Vmlinux") return loadElf(kernel)
      const { setupSize } = image.header
      const { head } = kernel
      const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
      // pref_address is where the kernel would move to anyway; there, init_size bytes suffice to unpack itself in
      // place.
      const address = Number(view.getBigUint64(at.prefAddress, true))
      const codeSize = kernel.size - setupSize
      return Either.right({
        entry: address + entryOffset,
        parts: [{ address, offset: setupSize, size: codeSize }],
        occupied: { address, size: Math.max(view.getUint32(at.initSize, true), codeSize) },
        // The byte at 0x201 is the distance of a jump, and the header ends at the target of this jump.
        setupHeader: head.subarray(at.header, at.jump + 1 + head[at.jump]!),
        initrdMax: view.getUint32(at.initrdMax, true),
        maxCmdline: view.getUint32(at.cmdlineSize, true)
      })
    }
  )

/**
 * Loads an uncompressed ELF `vmlinux` at its link address, or a bzImage, which unpacks itself and, unless the command
 * line contains `nokaslr`, chooses its own address.
 *
 * @since 0.1.0
 * @category constructors
 */
export const loadKernel = (kernel: KernelFile): Either.Either<KernelLoad, MachineError> =>
  isElf(kernel.head) ? loadElf(kernel) : loadBzImage(kernel)
