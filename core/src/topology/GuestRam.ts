/**
 * Divides guest memory between NUMA nodes and places it in the guest's address space.
 *
 * @since 0.1.0
 */
import { Either } from "effect"
import type { Topology } from "./Topology.ts"

const mib = 1024 * 1024
const fourGib = 2 ** 32

/**
 * A contiguous range of guest-physical addresses, and the place of its bytes in a node.
 *
 * @since 0.1.0
 * @category models
 */
export interface RamSegment {
  /** First guest-physical address. */
  readonly address: number
  /** Bytes. */
  readonly size: number
  readonly node: number
  /** Offset in bytes in the memory of its node. */
  readonly offset: number
}

/**
 * Returns the memory of each node in MiB: the size fixed by the topology, or an equal share of the rest (the first of these nodes gets the
 * remainder). Left: why that is impossible.
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
 * Returns the RAM of a PC by ascending address. The nodes' memory is placed in order: the first `below4g` bytes from address 0, the rest from 4 GiB.
 *
 * @since 0.1.0
 * @category conversions
 */
export const placeRam = (nodesMb: ReadonlyArray<number>, below4g: number): ReadonlyArray<RamSegment> => {
  const segments: Array<RamSegment> = []
  let at = 0
  for (const [node, mb] of nodesMb.entries()) {
    const size = mb * mib
    const low = Math.min(size, Math.max(0, below4g - at))
    if (low > 0) segments.push({ address: at, size: low, node, offset: 0 })
    if (size > low) segments.push({ address: fourGib + at + low - below4g, size: size - low, node, offset: low })
    at += size
  }
  return segments
}
