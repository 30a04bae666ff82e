/**
 * APIC ids: the position of a CPU as a number with one bit field per level (Intel SDM volume 3, 9.9.1). A field is as
 * wide as the largest count of its level requires, so ids have gaps where counts are not powers of two, and every level
 * is a right shift of the id.
 *
 * @since 0.1.0
 */
import type { Topology } from "@ktstr/core"

/**
 * The lowest bit of each level's number in an APIC id.
 *
 * @since 0.1.0
 * @category models
 */
export interface ApicIdShifts {
  /** Also the number of bits that distinguish the threads of a core. */
  readonly core: number
  /** Bits within an LLC. */
  readonly llc: number
  /** Bits within a package. */
  readonly package: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ApicIds {
  readonly shifts: ApicIdShifts
  /** By CPU number. */
  readonly ids: ReadonlyArray<number>
  /** Package of each CPU. Every NUMA node with CPUs is one package; nodes without CPUs have no package number. */
  readonly packages: ReadonlyArray<number>
  readonly highest: number
}

/**
 * 255 is the broadcast id of 8-bit ids, so CPUs with higher ids can only be reached in x2APIC mode.
 *
 * @since 0.1.0
 * @category limits
 */
export const highestXapicId = 254

const bitsFor = (count: number): number => Math.ceil(Math.log2(count))

/**
 * @since 0.1.0
 * @category conversions
 */
export const apicIds = (topology: Topology): ApicIds => {
  const core = bitsFor(topology.threadsPerCore)
  const llc = core + bitsFor(topology.coresPerLlc)
  const shifts = { core, llc, package: llc + bitsFor(Math.max(...topology.nodes.map((node) => node.llcs))) }
  const packageOfNode = new Map(
    topology.nodes.filter((node) => node.llcs > 0).map((node, index) => [node.index, index])
  )
  const places = Array.from({ length: topology.cpus }, (_, cpu) => topology.place(cpu))
  const packages = places.map((place) => packageOfNode.get(place.node) ?? 0)
  const ids = places.map((place, cpu) => {
    const llcInPackage = place.llc - (topology.nodes[place.node]?.firstLlc ?? 0)
    return (packages[cpu]! << shifts.package) | (llcInPackage << llc) | (place.core << core) | place.thread
  })
  return { shifts, ids, packages, highest: Math.max(...ids) }
}
