/**
 * Interrupt controllers and processors (ACPI 6.5, 5.2.12).
 *
 * @since 0.1.0
 */
import { highestXapicId } from "../ApicIds.ts"
import { concat, type Field, u8, u16, u32, zeros } from "../Field.ts"
import { apicAddresses, ioApicId } from "../Layout.ts"
import { acpiTable } from "./Table.ts"

const enabled = 1

/**
 * Tables 5.23 and 5.40: ids that fit use the 8-bit structure, as the kernel expects; the others use the x2APIC
 * structure.
 */
const processor = (id: number, uid: number): Field =>
  id <= highestXapicId
    ? concat(Uint8Array.of(0, 8, uid, id), u32(enabled))
    : concat(u8(9), u8(16), zeros(2), u32(id), u32(enabled), u32(uid))

/** Table 5.24: all pins from GSI 0. */
const ioApic = concat(u8(1), u8(12), u8(ioApicId), u8(0), u32(apicAddresses.io), u32(0))

/**
 * Tables 5.29 and 5.41: LINT1 of every processor (all ones) is the NMI line, edge-triggered and active high like the
 * bus.
 */
const localNmi = concat(u8(4), u8(6), u8(0xff), u16(0), u8(1))
const x2apicNmi = concat(u8(10), u8(12), u16(0), u32(0xffffffff), u8(1), zeros(3))

/**
 * Lists the processors in the order of the ids; their UIDs are their indexes. No interrupt source overrides: GSI n is
 * pin n, as KVM routes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const madt = (ids: ReadonlyArray<number>): Uint8Array =>
  acpiTable(
    "APIC",
    6,
    u32(apicAddresses.local),
    // Flags: PCAT_COMPAT clear, since hardware-reduced kernels leave the two 8259 alone.
    u32(0),
    ...ids.map(processor),
    ioApic,
    localNmi,
    ...(ids.some((id) => id > highestXapicId) ? [x2apicNmi] : [])
  )
