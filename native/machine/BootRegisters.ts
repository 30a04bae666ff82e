/**
 * The state in which vCPU 0 enters the kernel.
 *
 * @since 0.1.0
 */
import { bootSegments, gdt, type SegmentRegister } from "./Gdt.ts"
import { bootAddresses } from "./Layout.ts"

/**
 * The registers that differ from a processor after reset; all others keep their value from KVM. `data` is loaded into
 * DS, ES, SS, FS and GS, `task` into TR.
 *
 * @since 0.1.0
 * @category models
 */
export interface BootRegisters {
  readonly rip: number
  readonly rsp: number
  /** Address of the boot parameters. */
  readonly rsi: number
  readonly rflags: number
  readonly cr0: number
  readonly cr3: number
  readonly cr4: number
  readonly efer: number
  readonly code: SegmentRegister
  readonly data: SegmentRegister
  readonly task: SegmentRegister
  readonly gdt: { readonly base: number; readonly limit: number }
  /** Interrupts are off; an exception before the kernel has set up its own table is a triple fault. */
  readonly idt: { readonly base: number; readonly limit: number }
}

/** CR0: protection, extension type (always 1), numeric error, paging; caches on. */
const cr0 = (1 << 31) | (1 << 5) | (1 << 4) | 1
/** CR4: physical address extension, which long mode needs. */
const cr4 = 1 << 5
/** EFER: long mode enabled and active. */
const efer = (1 << 8) | (1 << 10)

/**
 * Documentation/arch/x86/boot.rst, "64-bit Boot Protocol".
 *
 * @since 0.1.0
 * @category constructors
 */
export const bootRegisters = (entry: number): BootRegisters => ({
  rip: entry,
  rsp: bootAddresses.stack,
  rsi: bootAddresses.zeroPage,
  // Bit 1 is always set.
  rflags: 2,
  cr0: cr0 >>> 0,
  cr3: bootAddresses.pageTables,
  cr4,
  efer,
  ...bootSegments,
  gdt: { base: bootAddresses.gdt, limit: gdt().length - 1 },
  idt: { base: 0, limit: 0 }
})
