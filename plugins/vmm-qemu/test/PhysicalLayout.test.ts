import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { expect, it } from "@effect/vitest"
import { makeGuestMemoryFile, ramBelow4g, ramSegments } from "@ktstr/vmm-qemu"
import * as fc from "fast-check"
import { describe } from "vitest"

const mib = 1024 * 1024

describe("ramSegments", () => {
  it("follows q35: all below 4 GiB under 2.75 GiB, else 2 GiB", () => {
    expect(ramBelow4g(2815 * mib)).toBe(2815 * mib)
    expect(ramBelow4g(2816 * mib)).toBe(2048 * mib)
    expect(ramSegments([3072])).toEqual([
      { address: 0, size: 2048 * mib, node: 0, offset: 0 },
      { address: 2 ** 32, size: 1024 * mib, node: 0, offset: 2048 * mib }
    ])
  })

  it("covers every byte of every node once, in ascending order, outside the hole", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4096 }), { minLength: 1, maxLength: 8 }), (nodes) => {
        const segments = ramSegments(nodes)
        const perNode = nodes.map(() => 0)
        let at = 0
        for (const segment of segments) {
          expect(segment.address).toBeGreaterThanOrEqual(at)
          expect(segment.offset).toBe(perNode[segment.node])
          perNode[segment.node]! += segment.size
          at = segment.address + segment.size
          expect(segment.address >= 2 ** 32 || at <= 0xb0000000).toBe(true)
        }
        expect(perNode).toEqual(nodes.map((mb) => mb * mib))
      })
    )
  })
})

describe("makeGuestMemoryFile", () => {
  const withFiles = (run: (files: ReadonlyArray<number>) => void): void => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "ktstr-memory-test-"))
    const files = [0, 1].map((n) => fs.openSync(path.join(directory, `${n}`), "wx+"))
    try {
      for (const file of files) fs.ftruncateSync(file, 4096)
      run(files)
    } finally {
      for (const file of files) fs.closeSync(file)
      fs.rmSync(directory, { recursive: true })
    }
  }
  const segments = [
    { address: 0, size: 4096, node: 0, offset: 0 },
    { address: 4096, size: 2048, node: 1, offset: 0 },
    { address: 2 ** 32, size: 2048, node: 1, offset: 2048 }
  ]

  it("crosses from one file to the next", () =>
    withFiles((files) => {
      const memory = makeGuestMemoryFile(segments, files)
      expect(memory.size).toBe(8192)
      memory.write(
        4090,
        Uint8Array.from({ length: 12 }, (_, i) => i + 1)
      )
      expect([...memory.read(4088, 16)]).toEqual([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0])
      memory.write(2 ** 32 + 2047, Uint8Array.of(9))
      expect([...memory.read(2 ** 32 + 2046, 2)]).toEqual([0, 9])
    }))

  it("throws a RangeError outside RAM, and then has written nothing", () =>
    withFiles((files) => {
      const memory = makeGuestMemoryFile(segments, files)
      for (const [address, length] of [
        [6143, 2],
        [6144, 1],
        [2 ** 32 - 1, 1],
        [2 ** 32 + 2048, 1],
        [-1, 1],
        [0.5, 1],
        [0, 8193]
      ] as const) {
        expect(() => memory.read(address, length)).toThrow(RangeError)
      }
      expect(() => memory.write(6140, new Uint8Array(8).fill(7))).toThrow("guest-physical 0x1800 is not RAM")
      expect([...memory.read(6140, 4)]).toEqual([0, 0, 0, 0])
    }))
})
