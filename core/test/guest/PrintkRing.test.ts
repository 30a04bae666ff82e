import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import type { GuestMemory } from "../../src/machine/Vmm.ts"
import { readKernelLog } from "../../src/session/PrintkRing.ts"

interface Record {
  readonly text: string
  readonly ns: number
  /** `KERN_SOH` and a level in front: the text was moved over them. */
  readonly leveled?: boolean
}

const banner = "Linux version 7.3.4 (builder@example) #1 SMP"
const records: ReadonlyArray<Record> = [
  { text: banner, ns: 0, leveled: true },
  { text: "Command line: console=ttyS0 loglevel=6", ns: 0, leveled: true },
  { text: "BIOS-provided physical RAM map:", ns: 0, leveled: true },
  { text: "first\nsecond", ns: 1_234_567_890 },
  { text: "Run /init as init process", ns: 12_000_001_000, leveled: true }
]

const encoder = new TextEncoder()

interface Layout {
  readonly sizeMb?: number
  readonly logAt?: number
  readonly infosAt?: number
  readonly infoBytes?: number
  readonly firstId?: bigint
}

/** As kernel/printk/printk_ringbuffer.h lays them out. */
const memoryWith = (
  written: ReadonlyArray<Record>,
  { sizeMb = 64, logAt = 0x234_38d8, infosAt = 0x240_0040, infoBytes = 88, firstId = 0x3fff_ffff_ffff_f000n }: Layout
): GuestMemory => {
  const bytes = new Uint8Array(sizeMb << 20)
  const view = new DataView(bytes.buffer)
  // Copies of the banner elsewhere: as the kernel's constant, and where no record can be.
  bytes.set(encoder.encode(`${banner}\n`), 0x180_00a0)
  bytes.set(encoder.encode(banner), 0x181_0003)
  let at = logAt
  written.forEach(({ text, ns, leveled = false }, record) => {
    const encoded = encoder.encode(text)
    const left = encoder.encode(`${leveled ? text.slice(-2) : ""}\n`)
    view.setBigUint64(at, firstId + BigInt(record), true)
    bytes.set(encoded, at + 8)
    bytes.set(left, at + 8 + encoded.length)
    at += 8 + Math.ceil((encoded.length + left.length) / 8) * 8
    const info = infosAt + record * infoBytes
    view.setBigUint64(info, BigInt(record), true)
    view.setBigUint64(info + 8, BigInt(ns), true)
    view.setUint16(info + 16, encoded.length, true)
    view.setUint8(info + 19, ((record === 0 ? 5 : 6) << 5) | 2)
  })
  return {
    size: bytes.length,
    read: (address, length) => {
      if (address + length > bytes.length) throw new RangeError(`${length} bytes at ${address} are not RAM`)
      return bytes.slice(address, address + length)
    },
    write: () => undefined
  }
}

const lines = [
  `[    0.000000] ${banner}`,
  "[    0.000000] Command line: console=ttyS0 loglevel=6",
  "[    0.000000] BIOS-provided physical RAM map:",
  "[    1.234567] first",
  "[    1.234567] second",
  "[   12.000001] Run /init as init process"
]

const log = (memory: GuestMemory) => Effect.runPromise(readKernelLog(memory))

describe("the kernel's log in guest memory", () => {
  it("reads as the console would print it, whichever the layout", async () => {
    expect(await log(memoryWith(records, {}))).toEqual(lines)
    // A count of descriptors that is an unsigned int.
    expect(await log(memoryWith(records, { firstId: 0xffff_f000n }))).toEqual(lines)
    // CONFIG_PRINTK_EXECUTION_CTX and the like.
    expect(await log(memoryWith(records, { infoBytes: 112 }))).toEqual(lines)
    // The ring crosses the border of what is read at once, its descriptions lie before it.
    expect(await log(memoryWith(records, { logAt: (32 << 20) - 16, infosAt: (16 << 20) - 24 }))).toEqual(lines)
  })

  it("goes without the times where the descriptions are not found", async () => {
    const read = await log(memoryWith(records, { infosAt: 0x240_0044 }))
    expect(read).toContain(`[    ?.??????] ${banner}MP`)
    expect(read).toContain("[    ?.??????] second")
  })

  it("is searched in slices, between which everything else has its turn", async () => {
    let turns = 0
    const count = () => {
      turns++
      counter = setImmediate(count)
    }
    let counter = setImmediate(count)
    await log(memoryWith([], { sizeMb: 64 }))
    clearImmediate(counter)
    expect(turns).toBeGreaterThanOrEqual(8)
  })

  it("is empty before the kernel's first words, and when the first of them are gone", async () => {
    expect(await log(memoryWith([], {}))).toEqual([])
    expect(await log(memoryWith(records.slice(1), {}))).toEqual([])
    // No such identifier: some text that looks alike.
    expect(await log(memoryWith(records, { firstId: 7n }))).toEqual([])
  })
})
