/**
 * The physical layout of guest RAM in a q35 machine: the files of its NUMA nodes one after the other, split below 4 GiB.
 *
 * @since 0.1.0
 */
import { placeRam, type RamSegment } from "@ktstr/core/topology"

const mib = 1024 * 1024

/**
 * Returns the bytes of RAM that qemu's q35 puts below 4 GiB: all when it is under 2.75 GiB, else 2 GiB (qemu, hw/i386/pc_q35.c, `pc_q35_init`).
 *
 * @since 0.1.0
 * @category conversions
 */
export const ramBelow4g = (total: number): number => (total >= 0xb0000000 ? 0x80000000 : total)

/**
 * Returns the RAM of a machine by ascending address, given the MiB of each node; the number of a node is that of the file that backs it.
 *
 * @since 0.1.0
 * @category conversions
 */
export const ramSegments = (nodesMb: ReadonlyArray<number>): ReadonlyArray<RamSegment> =>
  placeRam(nodesMb, ramBelow4g(nodesMb.reduce((sum, mb) => sum + mb, 0) * mib))
