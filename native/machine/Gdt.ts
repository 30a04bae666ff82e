/**
 * Segments: the descriptors that the boot protocol requires, and the same segments as register contents.
 *
 * @since 0.1.0
 */
import { concat, u8, u16, zeros } from "./Field.ts"

/**
 * The hidden and visible part of a segment register, with the names of `struct kvm_segment`.
 *
 * @since 0.1.0
 * @category models
 */
export interface SegmentRegister {
  readonly base: number
  /** In bytes, whatever `g` says. */
  readonly limit: number
  readonly selector: number
  readonly type: number
  readonly present: number
  readonly dpl: number
  /** Default operation size 32 bit. */
  readonly db: number
  /** 1: code or data, 0: system. */
  readonly s: number
  /** 64-bit code. */
  readonly l: number
  /** Limit counts 4 KiB units in the descriptor. */
  readonly g: number
}

const flat = { base: 0, limit: 0xffffffff, present: 1, dpl: 0, s: 1, g: 1 } as const

/**
 * `__BOOT_CS` and `__BOOT_DS`, flat 4 GiB, execute/read and read/write (Documentation/arch/x86/boot.rst, "64-bit Boot Protocol"),
 * with the accessed bits set as by a processor. Intel's VM entry also requires a busy 64-bit task state segment.
 *
 * @since 0.1.0
 * @category constants
 */
export const bootSegments: {
  readonly code: SegmentRegister
  readonly data: SegmentRegister
  readonly task: SegmentRegister
} = {
  code: { ...flat, selector: 0x10, type: 11, db: 0, l: 1 },
  data: { ...flat, selector: 0x18, type: 3, db: 1, l: 0 },
  task: { base: 0, limit: 0xffff, selector: 0x20, type: 11, present: 1, dpl: 0, db: 0, s: 0, l: 0, g: 0 }
}

/** Intel SDM volume 3, figure 3-8. */
const descriptor = (segment: SegmentRegister): Uint8Array => {
  const limit = segment.g === 1 ? Math.floor(segment.limit / 4096) : segment.limit
  return concat(
    u16(limit & 0xffff),
    u16(segment.base & 0xffff),
    u8((segment.base >>> 16) & 0xff),
    u8((segment.present << 7) | (segment.dpl << 5) | (segment.s << 4) | segment.type),
    u8((segment.g << 7) | (segment.db << 6) | (segment.l << 5) | ((limit >>> 16) & 0xf)),
    u8(segment.base >>> 24)
  )
}

/**
 * Returns the table: null, unused, code, data, and the two slots of the task state segment.
 *
 * @since 0.1.0
 * @category constructors
 */
export const gdt = (): Uint8Array =>
  concat(
    zeros(16),
    descriptor(bootSegments.code),
    descriptor(bootSegments.data),
    descriptor(bootSegments.task),
    // Bits 32 to 63 of the base.
    zeros(8)
  )
