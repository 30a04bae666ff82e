/**
 * The table of processors for kernels without ACPI (Intel MultiProcessor Specification 1.4, chapter 4).
 *
 * @since 0.1.0
 */
import { highestXapicId } from "./ApicIds.ts"
import { ascii, concat, type Field, u8, u16, u32, withChecksum, zeros } from "./Field.ts"
import type { MemoryWrite } from "./KernelLoad.ts"
import { apicAddresses, mpAddresses } from "./Layout.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface MpTableOptions {
  /** The first id is that of the boot processor. */
  readonly apicIds: ReadonlyArray<number>
  /** EAX and EDX of CPUID leaf 1. */
  readonly signature: number
  readonly features: number
}

const spec = 4
/** Versions of the integrated local APICs and of the I/O APIC that KVM emulates. */
const localApicVersion = 0x14
const ioApicVersion = 0x11
const isaIrqs = 16
const headerSize = 44

/** Tables 4-4, 4-5, 4-7, 4-9, 4-10, 4-11. */
const processor = (id: number, boot: boolean, kind: Field): Field =>
  concat(Uint8Array.of(0, id, localApicVersion, boot ? 0b11 : 0b01), kind)
const isaBus = concat(u8(1), u8(0), ascii("ISA", 6))
const ioApic = (id: number): Field => concat(u8(2), u8(id), u8(ioApicVersion), u8(1), u32(apicAddresses.io))
const interrupt = (irq: number, io: number): Field => concat(u8(3), u8(0), u16(0), u8(0), u8(irq), u8(io), u8(irq))
/** Kinds 3 (8259) on LINT0 of the boot processor and 1 (NMI) on LINT1 of all. */
const localInterrupts = (boot: number): Field =>
  concat(
    ...[
      [u8(4), u8(3), u16(0), u8(0), u8(0), u8(boot), u8(0)],
      [u8(4), u8(1), u16(0), u8(0), u8(0), u8(0xff), u8(1)]
    ].flat()
  )

/**
 * Returns the floating pointer and the table, or nothing if an APIC id does not fit in 8 bits or no id is left for the
 * I/O APIC.
 *
 * @since 0.1.0
 * @category constructors
 */
export const mpTable = (options: MpTableOptions): ReadonlyArray<MemoryWrite> => {
  const { apicIds } = options
  if (apicIds.some((id) => id > highestXapicId)) return []
  const used = new Set(apicIds)
  const io = Array.from({ length: highestXapicId + 1 }, (_, id) => id).find((id) => !used.has(id))
  if (io === undefined) return []
  const kind = concat(u32(options.signature), u32(options.features), zeros(8))
  const entries = [
    ...apicIds.map((id, index) => processor(id, index === 0, kind)),
    isaBus,
    ioApic(io),
    ...Array.from({ length: isaIrqs }, (_, irq) => interrupt(irq, io)),
    localInterrupts(apicIds[0] ?? 0)
  ]
  const body = concat(...entries)
  const table = withChecksum(
    concat(
      ascii("PCMP", 4),
      u16(headerSize + body.length),
      u8(spec),
      u8(0),
      ascii("KTSTR", 8),
      ascii("MACHINE", 12),
      u32(0),
      u16(0),
      // The two local interrupts are one field with two entries.
      u16(entries.length + 1),
      u32(apicAddresses.local),
      zeros(4),
      body
    ),
    7
  )
  const pointer = withChecksum(concat(ascii("_MP_", 4), u32(mpAddresses.table), u8(1), u8(spec), u8(0), zeros(5)), 10)
  return [
    { address: mpAddresses.pointer, bytes: pointer },
    { address: mpAddresses.table, bytes: table }
  ]
}
