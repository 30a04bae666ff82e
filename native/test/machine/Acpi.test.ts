import type { Topology } from "@ktstr/core"
import { nodeMemoryMb, placeRam } from "@ktstr/core/topology"
import { Either } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { apicIds } from "../../machine/ApicIds.ts"
import { acpiTables, type PlacedTable } from "../../machine/acpi/Acpi.ts"
import { holeStart } from "../../machine/Layout.ts"
import { judge } from "./iasl.ts"
import { anyTopology, topologies } from "./topologies.ts"

const tablesOf = (topology: Topology, virtioDevices = 2): ReadonlyArray<PlacedTable> => {
  const nodes = Either.getOrThrow(nodeMemoryMb(topology, 6000))
  return acpiTables({ topology, apicIds: apicIds(topology), ram: placeRam(nodes, holeStart), virtioDevices })
}

const table = (tables: ReadonlyArray<PlacedTable>, signature: string): PlacedTable =>
  tables.find((candidate) => candidate.signature === signature)!

const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => (total + byte) & 0xff, 0)

/** Follows the pointers from the RSDP, as a kernel does, and returns the tables by signature. */
const discover = (placed: ReadonlyArray<PlacedTable>): ReadonlyMap<string, DataView> => {
  const at = (address: number): DataView => {
    const found = placed.find((candidate) => candidate.address === address)
    expect(found, `a table at 0x${address.toString(16)}`).toBeDefined()
    return new DataView(found!.bytes.buffer, found!.bytes.byteOffset, found!.bytes.length)
  }
  const name = (view: DataView): string => Buffer.from(view.buffer, view.byteOffset, 4).toString("latin1")
  const check = (view: DataView): DataView => {
    expect(view.getUint32(4, true)).toBe(view.byteLength)
    expect(sum(new Uint8Array(view.buffer, view.byteOffset, view.byteLength))).toBe(0)
    return view
  }
  const root = at(0xe0000)
  expect(Buffer.from(root.buffer, root.byteOffset, 8).toString("latin1")).toBe("RSD PTR ")
  expect(sum(new Uint8Array(root.buffer, root.byteOffset, 20))).toBe(0)
  expect(sum(new Uint8Array(root.buffer, root.byteOffset, 36))).toBe(0)
  const list = check(at(Number(root.getBigUint64(24, true))))
  expect(name(list)).toBe("XSDT")
  const found = new Map<string, DataView>()
  for (let offset = 36; offset < list.byteLength; offset += 8) {
    const view = check(at(Number(list.getBigUint64(offset, true))))
    found.set(name(view), view)
  }
  const fixed = found.get("FACP")!
  expect(Number(fixed.getBigUint64(140, true))).toBe(fixed.getUint32(40, true))
  found.set("DSDT", check(at(fixed.getUint32(40, true))))
  return found
}

describe("ACPI tables", () => {
  it.each(topologies)("of %s are found from the RSDP and overlap nowhere", (_, topology) => {
    const placed = tablesOf(topology)
    const numa = topology.numaNodes > 1
    const found = discover(placed)
    expect(found.size).toBe(placed.length - 2)
    expect(found.has("SRAT") && found.has("SLIT")).toBe(numa)
    const sorted = [...placed].sort((a, b) => a.address - b.address)
    for (const [index, next] of sorted.slice(1).entries()) {
      const before = sorted[index]!
      expect(next.address).toBeGreaterThanOrEqual(before.address + before.bytes.length)
    }
    // 252 CPUs leave the tables below 1 MiB.
    expect(sorted.at(-1)!.address + sorted.at(-1)!.bytes.length).toBeLessThan(0x100000)
  })

  it("are sealed for any topology", () => {
    fc.assert(
      fc.property(anyTopology, fc.integer({ min: 0, max: 16 }), (topology, devices) => {
        expect(discover(tablesOf(topology, devices)).has("APIC")).toBe(true)
      }),
      { numRuns: 40 }
    )
  })

  it("list every CPU once in the MADT, wide ids as x2APIC", () => {
    for (const [, topology] of topologies) {
      const madt = discover(tablesOf(topology)).get("APIC")!
      const ids: Array<number> = []
      for (let at = 44; at < madt.byteLength; at += madt.getUint8(at + 1)) {
        const type = madt.getUint8(at)
        if (type === 0) {
          expect(madt.getUint8(at + 2)).toBe(ids.length)
          ids.push(madt.getUint8(at + 3))
        } else if (type === 9) {
          expect(madt.getUint32(at + 12, true)).toBe(ids.length)
          expect(madt.getUint32(at + 4, true)).toBeGreaterThan(254)
          ids.push(madt.getUint32(at + 4, true))
        }
      }
      expect(ids).toEqual(apicIds(topology).ids)
    }
  })

  it("give every CPU and all memory its node in the SRAT", () => {
    for (const [, topology] of topologies.filter(([, t]) => t.numaNodes > 1)) {
      const srat = discover(tablesOf(topology)).get("SRAT")!
      const ids: Array<readonly [id: number, node: number]> = []
      const memory = topology.nodes.map(() => 0)
      for (let at = 48; at < srat.byteLength; at += srat.getUint8(at + 1)) {
        const type = srat.getUint8(at)
        if (type === 0) ids.push([srat.getUint8(at + 3), srat.getUint8(at + 2)])
        if (type === 2) ids.push([srat.getUint32(at + 8, true), srat.getUint32(at + 4, true)])
        if (type === 1) memory[srat.getUint32(at + 2, true)]! += Number(srat.getBigUint64(at + 16, true))
      }
      expect(ids).toEqual(apicIds(topology).ids.map((id, cpu) => [id, topology.place(cpu).node]))
      expect(memory).toEqual(Either.getOrThrow(nodeMemoryMb(topology, 6000)).map((mb) => mb * 1024 * 1024))
    }
  })
})

describe("iasl", () => {
  it.each(topologies)("takes every table of %s without a word", (_, topology) => {
    const tables = tablesOf(topology)
    const judged = judge(
      tables.filter((t) => t.signature !== "RSDP").map((t) => ({ name: t.signature, bytes: t.bytes }))
    )
    for (const { name, complaints, compiled } of judged) {
      expect(complaints, name).toEqual([])
      // What it says of each field is all there is: its own table has the same contents behind the header.
      const own = Buffer.from(table(tables, name).bytes.subarray(36))
      if (name !== "DSDT") expect(Buffer.from(compiled.subarray(36)).equals(own), name).toBe(true)
    }
  })

  it("would complain: the judge hears a wrong checksum and a wrong length", () => {
    const topology = topologies[0]![1]
    const wrong = (at: number) => {
      const bytes = table(tablesOf(topology), "APIC").bytes.slice()
      bytes[at]! ^= 1
      return judge([{ name: "APIC", bytes }])[0]!.complaints
    }
    expect(wrong(9)).not.toEqual([])
    expect(wrong(45)).not.toEqual([])
  })

  it("reads the devices and the way to power off as they were meant", () => {
    const topology = topologies.find(([name]) => name === "one CPU")![1]
    const dsdt = table(tablesOf(topology, 1), "DSDT")
    const source = judge([{ name: "DSDT", bytes: dsdt.bytes }])[0]!
      .source.replace(/\s+/g, " ")
      .replace(/\/\/[^/]*?(?= [A-Z{}])/g, "")
    expect(source).toContain('EisaId ("PNP0501")')
    expect(source).toMatch(/IO \(Decode16, 0x03F8,.*?0x03F8,.*?0x01,.*?0x08,/)
    expect(source).toMatch(/Interrupt \(ResourceConsumer, Edge, ActiveHigh, Exclusive, ,, \) \{ 0x00000004, \}/)
    expect(source).toMatch(/Interrupt \(ResourceConsumer, Edge, ActiveHigh, Exclusive, ,, \) \{ 0x00000003, \}/)
    expect(source).toMatch(/Memory32Fixed \(ReadWrite, 0xD0000000,.*?0x00001000,/)
    expect(source).toContain('"LNRO0005"')
    expect(source).toContain('"ACPI0007"')
    expect(source).toMatch(/Name \(\\_S5, Package \(0x04\).*?0x05, 0x05, Zero, Zero/)
  })

  it("reads latencies and bandwidths as they were meant", () => {
    const topology = topologies.find(([name]) => name === "memory-only node")![1]
    const { source } = judge([{ name: "HMAT", bytes: table(tablesOf(topology), "HMAT").bytes }])[0]!
    const values = (label: string): ReadonlyArray<number> =>
      [...source.matchAll(new RegExp(`${label} : ([0-9A-F]+)`, "g"))].map((match) => Number.parseInt(match[1]!, 16))
    expect(values("Entry Base Unit")).toEqual([1000, 1])
    expect(values("Entry")).toEqual([90, 250, 40000, 9000])
    // Each node, with the one that starts accesses to it: node 1 has no CPUs and is reached from node 0.
    expect(values("(?:Attached Initiator|Processor) Proximity Domain")).toEqual([0, 0])
    expect(values("Memory Proximity Domain")).toEqual([0, 1])
  })
})
