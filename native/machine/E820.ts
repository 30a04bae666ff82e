/**
 * The memory map with which the kernel starts.
 *
 * @since 0.1.0
 */

import type { RamSegment } from "@ktstr/core/topology"
import { concat, u32, u64 } from "./Field.ts"
import { acpiBase, baseMemoryEnd, extendedMemory, highMemory, mpAddresses } from "./Layout.ts"

/**
 * ACPI 6.5, table 15.3: address range types.
 *
 * @since 0.1.0
 * @category models
 */
export const E820Type = { ram: 1, reserved: 2, acpi: 3 } as const

/**
 * @since 0.1.0
 * @category models
 */
export interface E820Entry {
  readonly address: number
  readonly size: number
  readonly type: number
}

const pageSize = 4096

/**
 * Returns the map of a machine with this RAM whose ACPI tables end at `acpiEnd`, by ascending address. Adjacent nodes
 * share one entry: the SRAT says which memory belongs to which node.
 *
 * @since 0.1.0
 * @category constructors
 */
export const e820Map = (ram: ReadonlyArray<RamSegment>, acpiEnd: number): ReadonlyArray<E820Entry> => {
  const end = (segments: ReadonlyArray<RamSegment>): number =>
    Math.max(0, ...segments.map((segment) => segment.address + segment.size))
  const lowEnd = end(ram.filter((segment) => segment.address < highMemory))
  const highEnd = end(ram)
  const extended = Math.max(extendedMemory, Math.ceil(acpiEnd / pageSize) * pageSize)
  const ranges: ReadonlyArray<readonly [from: number, to: number, type: number]> = [
    [0, mpAddresses.table, E820Type.ram],
    [mpAddresses.table, baseMemoryEnd, E820Type.reserved],
    [acpiBase, extended, E820Type.acpi],
    [extended, lowEnd, E820Type.ram],
    [highMemory, highEnd, E820Type.ram]
  ]
  return ranges.flatMap(([from, to, type]) => (to > from ? [{ address: from, size: to - from, type }] : []))
}

/**
 * Encodes entries as `struct boot_e820_entry`, 20 bytes each.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeE820 = (entries: ReadonlyArray<E820Entry>): Uint8Array =>
  concat(...entries.flatMap((entry) => [u64(entry.address), u64(entry.size), u32(entry.type)]))
