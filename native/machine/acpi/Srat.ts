/**
 * Assigns processors and memory to NUMA nodes (ACPI 6.5, 5.2.16).
 *
 * @since 0.1.0
 */

import type { RamSegment } from "@ktstr/core/topology"
import { highestXapicId } from "../ApicIds.ts"
import { concat, type Field, u8, u16, u32, u64, zeros } from "../Field.ts"
import { acpiTable } from "./Table.ts"

const enabled = 1

/**
 * Tables 5.65 and 5.67: processor affinity by 8-bit and by x2APIC id. The low byte of a domain is separate from the
 * other three.
 */
const processor = (id: number, node: number): Field =>
  id <= highestXapicId
    ? concat(u8(0), u8(16), u8(node & 0xff), u8(id), u32(enabled), u8(0), u8(node >>> 8), zeros(2), u32(0))
    : concat(u8(2), u8(24), zeros(2), u32(node), u32(id), u32(enabled), u32(0), zeros(4))

/** Table 5.66. */
const memory = (segment: RamSegment): Field =>
  concat(
    u8(1),
    u8(40),
    u32(segment.node),
    u16(0),
    u64(segment.address),
    u64(segment.size),
    u32(0),
    u32(enabled),
    zeros(8)
  )

/**
 * `processors`: APIC id and node of each CPU; the node numbers are the proximity domains.
 *
 * @since 0.1.0
 * @category constructors
 */
export const srat = (
  processors: ReadonlyArray<{ readonly apicId: number; readonly node: number }>,
  ram: ReadonlyArray<RamSegment>
): Uint8Array =>
  acpiTable(
    "SRAT",
    3,
    u32(1),
    zeros(8),
    ...processors.map(({ apicId, node }) => processor(apicId, node)),
    ...ram.map(memory)
  )
