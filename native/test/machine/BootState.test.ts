import { placeRam } from "@ktstr/core/topology"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { bootRegisters } from "../../machine/BootRegisters.ts"
import { E820Type, e820Map } from "../../machine/E820.ts"
import { u8, u16, u32, u64, withChecksum } from "../../machine/Field.ts"
import { gdt } from "../../machine/Gdt.ts"
import { holeStart } from "../../machine/Layout.ts"
import { identityPageTables } from "../../machine/PageTables.ts"
import { zeroPage } from "../../machine/ZeroPage.ts"

const mib = 1024 * 1024

describe("fields", () => {
  it("hold what they are given, and nothing too large", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (value) => {
        expect(Buffer.from(u64(value)).readBigUInt64LE()).toBe(BigInt(value))
        expect(Buffer.from(u32(value % 2 ** 32)).readUInt32LE()).toBe(value % 2 ** 32)
        expect(Buffer.from(u16(value % 2 ** 16)).readUInt16LE()).toBe(value % 2 ** 16)
      })
    )
    expect(() => u8(256)).toThrow("256 does not fit an unsigned field of 1 bytes")
    expect(() => u32(-1)).toThrow(RangeError)
    expect(() => u64(2 ** 53)).toThrow(RangeError)
  })

  it("add up to 0 when sealed", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(), (bytes, at) => {
        const sealed = withChecksum(bytes, at % bytes.length)
        expect(sealed.reduce((sum, byte) => sum + byte, 0) % 256).toBe(0)
      })
    )
  })
})

/** What the processor finds for a linear address (Intel SDM volume 3, 4.5.4), with 2 MiB pages. */
const translate = (tables: Uint8Array, base: number, linear: number): number | undefined => {
  const view = new DataView(tables.buffer)
  const entry = (table: number, index: number): bigint => view.getBigUint64(table - base + 8 * index, true)
  const next = (value: bigint): number => Number(value & 0x000ffffffffff000n)
  const index = (shift: number): number => Math.floor(linear / 2 ** shift) % 512
  const l4 = entry(base, index(39))
  if ((l4 & 1n) === 0n) return undefined
  const l3 = entry(next(l4), index(30))
  if ((l3 & 1n) === 0n) return undefined
  const l2 = entry(next(l3), index(21))
  if ((l2 & 0x81n) !== 0x81n) return undefined
  return next(l2) + (linear % 2 ** 21)
}

describe("page tables", () => {
  const tables = identityPageTables(0x9000)

  it("map the first 4 GiB one to one, writable, and nothing else", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (address) => {
        expect(translate(tables, 0x9000, address)).toBe(address)
      })
    )
    expect(translate(tables, 0x9000, 2 ** 32)).toBeUndefined()
    expect(translate(tables, 0x9000, 2 ** 39)).toBeUndefined()
    const view = new DataView(tables.buffer)
    const present = Array.from({ length: tables.length / 8 }, (_, i) => view.getBigUint64(8 * i, true)).filter(Boolean)
    expect(present).toHaveLength(1 + 4 + 4 * 512)
    expect(present.every((entry) => (entry & 3n) === 3n)).toBe(true)
  })
})

describe("GDT", () => {
  it("has the descriptors Linux and every 64-bit loader know", () => {
    const table = Buffer.from(gdt())
    const at = (selector: number): string => table.readBigUInt64LE(selector).toString(16)
    expect([at(0), at(8), at(0x10), at(0x18), at(0x20), at(0x28)]).toEqual([
      "0",
      "0",
      "af9b000000ffff",
      "cf93000000ffff",
      "8b000000ffff",
      "0"
    ])
    const entry = bootRegisters(0x1000000)
    expect(entry.gdt.limit).toBe(table.length - 1)
    expect([entry.code.selector, entry.data.selector, entry.task.selector]).toEqual([0x10, 0x18, 0x20])
  })

  it("goes with registers in long mode, interrupts off", () => {
    const entry = bootRegisters(0x1000000)
    expect(entry).toMatchObject({ rip: 0x1000000, rsi: 0x7000, rflags: 2, cr0: 0x80000031, cr4: 0x20, efer: 0x500 })
  })
})

describe("e820", () => {
  it("leaves the PC's hole, keeps MP and ACPI tables, joins nodes", () => {
    expect(e820Map(placeRam([2048, 2048], holeStart), 0xe1234)).toEqual([
      { address: 0, size: 0x9e000, type: E820Type.ram },
      { address: 0x9e000, size: 0x2000, type: E820Type.reserved },
      { address: 0xe0000, size: 0x20000, type: E820Type.acpi },
      { address: mib, size: holeStart - mib, type: E820Type.ram },
      { address: 2 ** 32, size: 1024 * mib, type: E820Type.ram }
    ])
  })

  it("gives ACPI tables beyond 1 MiB whole pages of RAM", () => {
    const map = e820Map(placeRam([64], 64 * mib), 0x123456)
    expect(map.slice(2)).toEqual([
      { address: 0xe0000, size: 0x124000 - 0xe0000, type: E820Type.acpi },
      { address: 0x124000, size: 64 * mib - 0x124000, type: E820Type.ram }
    ])
  })
})

describe("zero page", () => {
  const options = {
    cmdline: 0x20000,
    initrd: { address: 0x5000000, size: 12345 },
    rsdp: 0xe0000,
    e820: e820Map(placeRam([64], 64 * mib), 0xe1000)
  }
  const fields = (page: Uint8Array) => {
    const buffer = Buffer.from(page)
    return {
      flag: buffer.readUInt16LE(0x1fe),
      magic: buffer.toString("latin1", 0x202, 0x206),
      loader: buffer[0x210],
      flags: buffer[0x211],
      initrd: [buffer.readUInt32LE(0x218), buffer.readUInt32LE(0x21c)],
      cmdline: buffer.readUInt32LE(0x228),
      rsdp: buffer.readBigUInt64LE(0x70),
      entries: buffer[0x1e8],
      last: [buffer.readBigUInt64LE(0x2d0 + 60), buffer.readBigUInt64LE(0x2d0 + 68), buffer.readUInt32LE(0x2d0 + 76)]
    }
  }
  const expected = {
    flag: 0xaa55,
    magic: "HdrS",
    loader: 0xff,
    flags: 1,
    initrd: [0x5000000, 12345],
    cmdline: 0x20000,
    rsdp: 0xe0000n,
    entries: 4,
    last: [0x100000n, BigInt(63 * mib), 1]
  }

  it("has a setup header made up for an ELF kernel", () => {
    const page = zeroPage({ ...options, setupHeader: undefined })
    expect(page).toHaveLength(4096)
    expect(fields(page)).toEqual(expected)
  })

  it("keeps what a bzImage's own header says besides", () => {
    const header = Buffer.alloc(0x7b)
    header.writeUInt16LE(0xaa55, 0x1fe - 0x1f1)
    header.write("HdrS", 0x202 - 0x1f1)
    header[0x211 - 0x1f1] = 0x81
    header.writeUInt32LE(0xabcdef, 0x260 - 0x1f1)
    const page = zeroPage({ ...options, setupHeader: header })
    expect(fields(page)).toEqual({ ...expected, flags: 0x81 })
    expect(Buffer.from(page).readUInt32LE(0x260)).toBe(0xabcdef)
  })
})
