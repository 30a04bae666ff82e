import { gzipSync } from "node:zlib"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import fc from "fast-check"
import { KernelImageError, kernelHeaderSize, parseKernelImage } from "../../src/image/BzImage.ts"
import { CpioError, decodeCpio, encodeCpio } from "../../src/image/Cpio.ts"
import { btfNames, ElfError, elfDynamic, elfProgram, elfSections } from "../../src/image/Elf.ts"
import { unpackKernel } from "../../src/image/KernelPayload.ts"
import { bzImage, library, vmlinux } from "./images.ts"

/** A file with some bytes or words of it changed, cut or doubled. */
const mutated = (file: Uint8Array): fc.Arbitrary<Uint8Array> =>
  fc
    .record({
      bytes: fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { maxLength: 6 }),
      words: fc.array(fc.tuple(fc.nat(file.length - 1), fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff)), {
        maxLength: 3
      }),
      end: fc.option(fc.nat(file.length)),
      twice: fc.boolean()
    })
    .map(({ bytes, end, twice, words }) => {
      const changed = Buffer.from(file)
      for (const [at, value] of bytes) changed[at] = value
      for (const [at, value] of words) if (at + 4 <= changed.length) changed.writeUInt32LE(value, at)
      const cut = changed.subarray(0, end ?? changed.length)
      return new Uint8Array(twice ? Buffer.concat([cut, cut]) : cut)
    })

const anything = (...files: ReadonlyArray<Uint8Array>) =>
  fc.oneof(...files.map(mutated), fc.uint8Array({ maxLength: 700 }), fc.uint8Array({ maxLength: 300 }).map(asElf))

const asElf = (bytes: Uint8Array): Uint8Array => Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, ...bytes])

const runs = { numRuns: 1000 }

/** Milliseconds of a busy machine in which a few KiB are read. */
const soon = 2000

const timely = <A>(read: () => A): A => {
  const began = performance.now()
  const result = read()
  expect(performance.now() - began).toBeLessThan(soon)
  return result
}

const elf = vmlinux(["task_struct", "sched_ext_ops"])
const archive = encodeCpio([
  { _tag: "Directory", path: "a", permissions: 0o755 },
  { _tag: "File", path: "a/b", permissions: 0o644, data: new Uint8Array(300).fill(7) },
  { _tag: "Symlink", path: "c", target: "a/b" },
  { _tag: "CharDevice", path: "d", permissions: 0o600, major: 5, minor: 1 }
])

describe("files of users that are changed, cut or no such files at all", () => {
  it("are kernel images or a KernelImageError", () => {
    fc.assert(
      fc.property(anything(bzImage(gzipSync(elf)), elf), fc.nat(9000), (bytes, size) => {
        const read = timely(() => parseKernelImage(bytes.subarray(0, kernelHeaderSize), size))
        if (Either.isLeft(read)) expect(read.left).toBeInstanceOf(KernelImageError)
      }),
      runs
    )
  })

  it("unpack to an ELF or to a KernelImageError", async () => {
    await fc.assert(
      fc.asyncProperty(anything(bzImage(gzipSync(elf)), bzImage(elf)), async (bytes) => {
        const began = performance.now()
        const read = await Effect.runPromise(Effect.either(unpackKernel(bytes)))
        expect(performance.now() - began).toBeLessThan(soon)
        if (Either.isLeft(read)) expect(read.left).toBeInstanceOf(KernelImageError)
        else expect([...read.right.subarray(1, 4)]).toEqual([0x45, 0x4c, 0x46])
      }),
      runs
    )
  })

  it("are programs or an ElfError", () => {
    const readers = [
      elfProgram,
      elfSections,
      elfDynamic,
      (bytes: Uint8Array) => btfNames(bytes, "sched_ext_ops")
    ] as const
    fc.assert(
      fc.property(anything(elf, library), (bytes) => {
        for (const reader of readers) {
          const read = timely((): Either.Either<unknown, unknown> => reader(bytes))
          if (Either.isLeft(read)) expect(read.left).toBeInstanceOf(ElfError)
        }
      }),
      runs
    )
  })

  it("are archives or a CpioError", () => {
    fc.assert(
      fc.property(anything(archive, new Uint8Array(Buffer.concat([archive, archive]))), (bytes) => {
        const read = timely(() => decodeCpio(bytes))
        if (Either.isLeft(read)) {
          expect(read.left).toBeInstanceOf(CpioError)
          expect(read.left.message).not.toMatch(/Error/)
        }
      }),
      runs
    )
  })
})

describe("a file made to be large where it is read", () => {
  it("has no section whose name is most of the file", () => {
    const size = 1024 * 1024
    const count = 60_000
    const bytes = new Uint8Array(size).fill(65)
    bytes.set(asElf(new Uint8Array(57)))
    const view = new DataView(bytes.buffer)
    view.setBigUint64(40, 64n, true)
    view.setUint16(58, 8, true)
    view.setUint16(60, count, true)
    view.setUint16(62, 0, true)
    // Entries overlap: each name, and the names' own place, is the same number.
    for (let index = 0; index < count; index++) view.setUint32(64 + 8 * index, 300_000, true)
    view.setUint32(64 + 28, 0, true)
    const read = timely(() => elfSections(bytes))
    expect(Either.getLeft(read)).toMatchObject({ value: { message: expect.stringContaining("does not end within") } })
  })

  it("has no dynamic table of a hundred thousand long names", () => {
    const entries = 100_000
    const bytes = new Uint8Array(120 + 16 * entries + 20_000).fill(65)
    bytes.set(asElf(new Uint8Array(57)))
    const view = new DataView(bytes.buffer)
    view.setBigUint64(32, 64n, true)
    view.setUint16(54, 56, true)
    view.setUint16(56, 1, true)
    const segment = [2n, 120n, 0n, 0n, BigInt(16 * entries), BigInt(16 * entries)]
    for (const [index, value] of segment.entries()) view.setBigUint64(64 + 8 * index, value, true)
    for (let index = 0; index < entries; index++) {
      view.setBigUint64(120 + 16 * index, 1n, true)
      view.setBigUint64(120 + 16 * index + 8, BigInt(120 + 16 * entries), true)
    }
    expect(Either.getLeft(timely(() => elfDynamic(bytes)))).toMatchObject({
      value: { message: "ELF dynamic table has more than 4096 entries" }
    })
  })

  it.effect("is not unpacked beyond the size that its trailer promises, nor beyond the cap", () =>
    Effect.gen(function* () {
      const bomb = gzipSync(new Uint8Array(64 * 1024 * 1024))
      const claims = (size: number) => {
        const changed = Buffer.from(bomb)
        changed.writeUInt32LE(size, changed.length - 4)
        return Effect.map(Effect.flip(unpackKernel(bzImage(changed))), ({ message }) => message)
      }
      const before = process.memoryUsage().arrayBuffers
      expect(yield* claims(1000)).toBe("has a corrupt gzip payload: more than the 1000 bytes its trailer promises")
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024)
      expect(yield* claims(0xffffffff)).toBe(
        "has a gzip payload of 4294967295 bytes unpacked, more than the 1024 MiB ktstr unpacks"
      )
    })
  )
})
