import { Either } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type FileRange, loadKernel } from "../../machine/KernelLoad.ts"
import { bytesOf, bzImage, elfKernel, fileOf, smallKernel } from "./images.ts"

const message = (kernel: Uint8Array): string =>
  Either.match(loadKernel(fileOf(kernel)), { onLeft: (error) => error.message, onRight: () => "no error" })

describe("loadKernel", () => {
  it("puts an ELF's segments at their physical addresses and keeps room for what is zero", () => {
    const load = Either.getOrThrow(loadKernel(fileOf(smallKernel)))
    expect(load.entry).toBe(0x1000040)
    const bytes = ({ offset, size }: FileRange) => Buffer.from(smallKernel.subarray(offset, offset + size))
    expect(load.parts.map((part) => [part.address, bytes(part)])).toEqual([
      [0x1000000, Buffer.from(bytesOf(300))],
      [0x1200000, Buffer.from(bytesOf(100, 7))]
    ])
    expect(load.occupied).toEqual({ address: 0x1000000, size: 0x300000 })
    expect(load.setupHeader).toBeUndefined()
  })

  it("puts a bzImage's code where it prefers to be, with the room it unpacks itself in", () => {
    const code = bytesOf(5000)
    const file = bzImage(code)
    const load = Either.getOrThrow(loadKernel(fileOf(file)))
    expect(load.entry).toBe(0x1000200)
    expect(load.parts).toEqual([{ address: 0x1000000, offset: 1024, size: file.length - 1024 }])
    expect(Buffer.from(file.subarray(1024, 1024 + 5000)).equals(Buffer.from(code))).toBe(true)
    expect(load.occupied).toEqual({ address: 0x1000000, size: 0x400000 })
    expect(load.initrdMax).toBe(0x7fffffff)
    expect(load.maxCmdline).toBe(2047)
  })

  it("needs only the beginning of a large file", () => {
    const size = 100 * 1024 * 1024
    const head = elfKernel(0x1000000, [{ address: 0x1000000, bytes: bytesOf(8), memorySize: 8 }])
    // The size of the segment in the file and in memory.
    const view = new DataView(head.buffer, head.byteOffset)
    for (const at of [32, 40]) view.setBigUint64(64 + at, BigInt(size - 176), true)
    const [part] = Either.getOrThrow(loadKernel({ head, size })).parts
    expect(part).toEqual({ address: 0x1000000, offset: 176, size: size - 176 })
  })

  it("takes of a setup header what the header says is its own", () => {
    const header = Either.getOrThrow(loadKernel(fileOf(bzImage(bytesOf(16))))).setupHeader!
    expect(header.length).toBe(0x26c - 0x1f1)
    expect(Buffer.from(header).includes("HdrS")).toBe(true)
    expect(Buffer.from(header).includes("behind")).toBe(false)
  })

  it("refuses what is no kernel, with what is wrong and how to mend it", () => {
    expect(message(new Uint8Array(4096))).toContain("kernel is not a kernel image: no boot sector signature")
    expect(message(elfKernel(0x2000000, [{ address: 0x1000000, bytes: bytesOf(8), memorySize: 8 }]))).toBe(
      "kernel ELF is entered at 0x2000000, outside its segments (0x1000000 to 0x1000008); give a vmlinux"
    )
    expect(message(elfKernel(0, []))).toBe("kernel ELF has no loadable segment; give a vmlinux")
    expect(message(smallKernel.subarray(0, smallKernel.length - 1))).toContain("is cut short: a segment ends at byte")
    expect(message(elfKernel(0x1000000, [{ address: 0x1000000, bytes: bytesOf(9), memorySize: 8 }]))).toContain(
      "ELF segment of 9 bytes has only 8 bytes in memory"
    )
  })

  it("never throws on damaged images", () => {
    const images = [smallKernel, bzImage(bytesOf(100))]
    fc.assert(
      fc.property(
        fc.constantFrom(...images),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
        fc.nat(),
        (image, changes, cut) => {
          const damaged = image.slice(0, image.length - (cut % image.length))
          for (const [at, byte] of changes) damaged[at % damaged.length] = byte
          expect(Either.isEither(loadKernel(fileOf(damaged)))).toBe(true)
        }
      )
    )
  })
})
