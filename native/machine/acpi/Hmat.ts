/**
 * Latency and bandwidth of memory (ACPI 6.5, 5.2.28).
 *
 * @since 0.1.0
 */

import type { Topology } from "@ktstr/core"
import type { NumaNode } from "@ktstr/core/topology"
import { concat, type Field, u8, u16, u32, u64, zeros } from "../Field.ts"
import { acpiTable } from "./Table.ts"

/** Table 5.142, data type. */
const DataType = { accessLatency: 0, accessBandwidth: 3 } as const

/** The largest entry that is a number; 0xffff means unreachable, 0 not provided. */
const maxEntry = 0xfffe

const distance = (topology: Topology, a: number, b: number): number => topology.distances[a]?.[b] ?? 255

const initiators = (topology: Topology): ReadonlyArray<NumaNode> => topology.nodes.filter((node) => node.llcs > 0)

/** Returns the node itself if it has CPUs, otherwise the nearest node that has. */
const initiatorOf = (topology: Topology, node: NumaNode): number =>
  node.llcs > 0
    ? node.index
    : initiators(topology).reduce((best, other) =>
        distance(topology, node.index, other.index) < distance(topology, node.index, best.index) ? other : best
      ).index

/** Table 5.141, Memory Proximity Domain Attributes: bit 0 of the flags says that the initiator is valid. */
const attributes = (topology: Topology, node: NumaNode): Field =>
  concat(u16(0), u16(0), u32(40), u16(1), u16(0), u32(initiatorOf(topology, node)), u32(node.index), u32(0), zeros(16))

/**
 * Table 5.142, System Locality Latency and Bandwidth Information, for memory itself. `values` are in units of `unit`,
 * with one row per initiator.
 */
const localities = (
  topology: Topology,
  dataType: number,
  unit: number,
  values: ReadonlyArray<ReadonlyArray<number>>
): Field => {
  const from = initiators(topology)
  // A multiple of the unit, so that the largest value fits in 16 bits.
  const scale = Math.max(1, Math.ceil(Math.max(...values.flat()) / maxEntry))
  const entries = values.flatMap((row) =>
    row.map((value) => u16(value === 0 ? 0 : Math.max(1, Math.round(value / scale))))
  )
  const body = concat(
    u8(0),
    u8(dataType),
    u8(0),
    u8(0),
    u32(from.length),
    u32(topology.numaNodes),
    u32(0),
    u64(unit * scale),
    ...from.map((node) => u32(node.index)),
    ...topology.nodes.map((node) => u32(node.index)),
    ...entries
  )
  return concat(u16(1), u16(0), u32(8 + body.length), body)
}

/**
 * Returns the table. The values that a topology specifies for its nodes apply to access from their own or nearest CPUs;
 * from further away latency grows and bandwidth falls in proportion to the distances. Undefined if the topology
 * specifies nothing and every node has CPUs: the SLIT then contains everything.
 *
 * @since 0.1.0
 * @category constructors
 */
export const hmat = (topology: Topology): Uint8Array | undefined => {
  const { nodes } = topology
  const hasLatency = nodes.some((node) => node.latencyNs !== undefined)
  const hasBandwidth = nodes.some((node) => node.bandwidthMbps !== undefined)
  if (!hasLatency && !hasBandwidth && nodes.every((node) => node.llcs > 0)) return undefined
  const perInitiator = (value: (target: NumaNode, factor: number) => number): ReadonlyArray<ReadonlyArray<number>> =>
    initiators(topology).map((from) =>
      nodes.map((target) =>
        value(
          target,
          distance(topology, from.index, target.index) / distance(topology, initiatorOf(topology, target), target.index)
        )
      )
    )
  // Latencies count picoseconds, bandwidths MB/s.
  const picosecondsPerNanosecond = 1000
  return acpiTable(
    "HMAT",
    2,
    u32(0),
    ...nodes.map((node) => attributes(topology, node)),
    ...(hasLatency
      ? [
          localities(
            topology,
            DataType.accessLatency,
            picosecondsPerNanosecond,
            perInitiator((target, factor) => Math.round((target.latencyNs ?? 0) * factor))
          )
        ]
      : []),
    ...(hasBandwidth
      ? [
          localities(
            topology,
            DataType.accessBandwidth,
            1,
            perInitiator((target, factor) => Math.round((target.bandwidthMbps ?? 0) / factor))
          )
        ]
      : [])
  )
}
