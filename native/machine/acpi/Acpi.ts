/**
 * All ACPI tables of a machine with their addresses.
 *
 * @since 0.1.0
 */

import type { Topology } from "@ktstr/core"
import type { RamSegment } from "@ktstr/core/topology"
import type { ApicIds } from "../ApicIds.ts"
import { acpiBase } from "../Layout.ts"
import { dsdt } from "./Dsdt.ts"
import { fadt } from "./Fadt.ts"
import { hmat } from "./Hmat.ts"
import { madt } from "./Madt.ts"
import { rsdp, rsdpSize } from "./Rsdp.ts"
import { slit } from "./Slit.ts"
import { srat } from "./Srat.ts"
import { xsdt } from "./Xsdt.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface AcpiOptions {
  readonly topology: Topology
  readonly apicIds: ApicIds
  readonly ram: ReadonlyArray<RamSegment>
  readonly virtioDevices: number
}

/**
 * A table with its signature and address.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlacedTable {
  readonly signature: string
  readonly address: number
  readonly bytes: Uint8Array
}

/** The RSDP must be on a 16-byte boundary; each table starts on its own cache line. */
const alignment = 64

const aligned = (address: number): number => Math.ceil(address / alignment) * alignment

/**
 * Returns the tables, with the RSDP first, at {@link acpiBase}. SRAT and SLIT are included for more than one NUMA node,
 * HMAT if the topology specifies more than they can express.
 *
 * @since 0.1.0
 * @category constructors
 */
export const acpiTables = (options: AcpiOptions): ReadonlyArray<PlacedTable> => {
  const { topology, apicIds, ram } = options
  const placed: Array<PlacedTable> = []
  let next = aligned(acpiBase + rsdpSize)
  const place = (signature: string, bytes: Uint8Array): number => {
    const address = next
    placed.push({ signature, address, bytes })
    next = aligned(address + bytes.length)
    return address
  }
  const numa = topology.numaNodes > 1
  const processors = apicIds.ids.map((apicId, cpu) => ({ apicId, node: topology.place(cpu).node }))
  const attributes = numa ? hmat(topology) : undefined
  const listed = [
    place("FACP", fadt(place("DSDT", dsdt({ cpus: topology.cpus, virtioDevices: options.virtioDevices })))),
    place("APIC", madt(apicIds.ids)),
    ...(numa ? [place("SRAT", srat(processors, ram)), place("SLIT", slit(topology.distances))] : []),
    ...(attributes === undefined ? [] : [place("HMAT", attributes)])
  ]
  const root = rsdp(place("XSDT", xsdt(listed)))
  return [{ signature: "RSDP", address: acpiBase, bytes: root }, ...placed]
}
