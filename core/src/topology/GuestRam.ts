/**
 * How guest memory is shared between NUMA nodes and where it lies in the guest's address space.
 *
 * @since 0.1.0
 */
import { Either } from "effect"
import type { Topology } from "./Topology.ts"

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
  /** Bytes. */
  readonly size: number
  readonly node: number
  /** Where it begins in the memory of its node. */
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
 * The RAM of a PC by ascending address: the nodes' memory one after the other, the first `below4g` bytes of it from address 0, the
 * rest from 4 GiB.
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
