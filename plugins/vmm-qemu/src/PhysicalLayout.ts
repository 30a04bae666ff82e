/**
 * Where the guest RAM of a q35 machine lies: its NUMA nodes' files one after the other, split below 4 GiB.
 *
 * @since 0.1.0
 */
import type { Topology } from "@ktstr/core"
import { Either } from "effect"

const mib = 1024 * 1024
const fourGib = 2 ** 32

/**
 * A run of guest-physical addresses and where its bytes are.
 *
 * @since 0.1.0
 * @category models
 */
export interface RamSegment {
  /** First guest-physical address. */
  readonly address: number
  readonly size: number
  /** NUMA node, which is the number of the file that backs it. */
  readonly node: number
  /** Offset in that file. */
  readonly offset: number
}

/**
 * MiB of each node: what the topology fixes, and equal shares of the rest (the first takes the remainder). Left: why it can't be.
 *
 * @since 0.1.0
 * @category conversions
 */
export const nodeMemoryMb = (topology: Topology, memoryMb: number): Either.Either<ReadonlyArray<number>, string> => {
  if (!Number.isInteger(memoryMb) || memoryMb < 1) {
    return Either.left(`memory of ${memoryMb} MiB: it must be a whole number of at least 1`)
  }
  const fixed = topology.nodes.reduce((sum, node) => sum + (node.memoryMb ?? 0), 0)
  const open = topology.nodes.filter((node) => node.memoryMb === undefined).length
  const rest = memoryMb - fixed
  if (open === 0 ? rest !== 0 : rest < open) {
    return Either.left(
      `memory of ${memoryMb} MiB does not fit the nodes of ${topology}, which fix ${fixed} MiB: ${
        open === 0 ? "ask for just that much" : `ask for at least ${fixed + open} MiB`
      }`
    )
  }
  let remainder = open === 0 ? 0 : rest % open
  return Either.right(
    topology.nodes.map((node) => {
      if (node.memoryMb !== undefined) return node.memoryMb
      const size = Math.floor(rest / open) + remainder
      remainder = 0
      return size
    })
  )
}

/**
 * Bytes of RAM that qemu's q35 puts below 4 GiB: all when it is under 2.75 GiB, else 2 GiB (qemu, hw/i386/pc_q35.c, `pc_q35_init`).
 *
 * @since 0.1.0
 * @category conversions
 */
export const ramBelow4g = (total: number): number => (total >= 0xb0000000 ? 0x80000000 : total)

/**
 * The RAM of a machine by ascending address, given the MiB of each node.
 *
 * @since 0.1.0
 * @category conversions
 */
export const ramSegments = (nodesMb: ReadonlyArray<number>): ReadonlyArray<RamSegment> => {
  const below = ramBelow4g(nodesMb.reduce((sum, mb) => sum + mb, 0) * mib)
  const segments: Array<RamSegment> = []
  let at = 0
  for (const [node, mb] of nodesMb.entries()) {
    const size = mb * mib
    const low = Math.min(size, Math.max(0, below - at))
    if (low > 0) segments.push({ address: at, size: low, node, offset: 0 })
    if (size > low) segments.push({ address: fourGib + at + low - below, size: size - low, node, offset: low })
    at += size
  }
  return segments
}
