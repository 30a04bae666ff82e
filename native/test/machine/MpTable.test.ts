import { describe, expect, it } from "vitest"
import { apicIds } from "../../machine/ApicIds.ts"
import { baseMemoryEnd, mpAddresses } from "../../machine/Layout.ts"
import { mpTable } from "../../machine/MpTable.ts"
import { topologies } from "./topologies.ts"

const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => (total + byte) & 0xff, 0)
const sizes = [20, 8, 8, 8, 8]

/** As the kernel reads it (arch/x86/kernel/mpparse.c). */
const parse = (writes: ReturnType<typeof mpTable>) => {
  const [pointer, table] = writes
  const floating = Buffer.from(pointer!.bytes)
  expect([floating.toString("latin1", 0, 4), floating[8], floating[9], sum(floating)]).toEqual(["_MP_", 1, 4, 0])
  expect(floating.readUInt32LE(4)).toBe(table!.address)
  const bytes = Buffer.from(table!.bytes)
  expect([bytes.toString("latin1", 0, 4), bytes.readUInt16LE(4), bytes[6], sum(bytes)]).toEqual([
    "PCMP",
    bytes.length,
    4,
    0
  ])
  const entries: Array<Buffer> = []
  for (let at = 44; at < bytes.length; at += sizes[bytes[at]!]!)
    entries.push(bytes.subarray(at, at + sizes[bytes[at]!]!))
  expect(entries.length).toBe(bytes.readUInt16LE(34))
  return entries
}

describe("mpTable", () => {
  it.each(topologies)("lists the processors of %s, or is not there", (_, topology) => {
    const ids = apicIds(topology)
    const writes = mpTable({ apicIds: ids.ids, signature: 0x606a6, features: 0x1f })
    if (ids.highest > 254) return expect(writes).toEqual([])
    const entries = parse(writes)
    const processors = entries.filter((entry) => entry[0] === 0)
    expect(processors.map((entry) => entry[1])).toEqual(ids.ids)
    expect(processors.map((entry) => entry[3])).toEqual(ids.ids.map((_, index) => (index === 0 ? 3 : 1)))
    const io = entries.find((entry) => entry[0] === 2)!
    expect(ids.ids).not.toContain(io[1])
    const interrupts = entries.filter((entry) => entry[0] === 3)
    expect(interrupts.map((entry) => [entry[5], entry[6], entry[7]])).toEqual(
      Array.from({ length: 16 }, (_, irq) => [irq, io[1], irq])
    )
    expect(entries.filter((entry) => entry[0] === 4)).toHaveLength(2)
    const [pointer, table] = writes
    expect(table!.address + table!.bytes.length).toBeLessThanOrEqual(mpAddresses.pointer)
    expect(pointer!.address + pointer!.bytes.length).toBeLessThanOrEqual(baseMemoryEnd)
  })

  it("is not there when no id is left for the I/O APIC", () => {
    const all = Array.from({ length: 255 }, (_, id) => id)
    expect(mpTable({ apicIds: all, signature: 0, features: 0 })).toEqual([])
    const writes = mpTable({ apicIds: all.slice(0, 254), signature: 0, features: 0 })
    expect(parse(writes).find((entry) => entry[0] === 2)![1]).toBe(254)
    expect(writes[1]!.address + writes[1]!.bytes.length).toBeLessThanOrEqual(mpAddresses.pointer)
  })
})
