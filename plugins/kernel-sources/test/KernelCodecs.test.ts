// The decoders against the encoders of the kernel's build where they are installed (xz-utils, lz4), and against bytes made by hand.
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { type PayloadCodec, PayloadCodecs } from "@ktstr/core"
import { layerKernelCodecs, lz4Codec, xzCodec } from "@ktstr/kernel-sources"
import { Effect, Either } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { portableZstd, zstdCodec } from "../src/codec/Zstd.ts"

const pack = (command: string, args: ReadonlyArray<string>, data: Uint8Array): Buffer => {
  const { stdout, status, stderr } = spawnSync(command, args, { input: data, maxBuffer: 2 ** 28 })
  if (status !== 0) throw new Error(`${command}: ${stderr}`)
  return stdout
}

const unpack = (codec: PayloadCodec, stream: Uint8Array, size: number): Either.Either<Uint8Array, unknown> =>
  Effect.runSync(Effect.either(codec(stream, size)))

const expectBack = (codec: PayloadCodec, stream: Uint8Array, data: Uint8Array): void => {
  const unpacked = unpack(codec, stream, data.length)
  expect(Either.isRight(unpacked) ? "" : String(unpacked.left)).toBe("")
  expect(Buffer.from(Either.getOrThrow(unpacked)).equals(Buffer.from(data))).toBe(true)
}

/** Real machine code, for the branch filter: this program's own. */
const code = readFileSync(process.execPath).subarray(20_000_000, 20_500_000)

/** Bytes that repeat near and far, with runs. */
const data = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 1, max: 5000 }))
        .map(([byte, n]) => new Uint8Array(n).fill(byte)),
      // Calls and jumps one behind the other, which the branch filter takes most care of.
      fc.array(fc.constantFrom(0xe8, 0xe9, 0x00, 0xff, 0x01), { maxLength: 60 }).map((bytes) => Uint8Array.from(bytes))
    ),
    { minLength: 1, maxLength: 12 }
  )
  .chain((parts) => fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 30 }))
  .map((parts) => new Uint8Array(Buffer.concat(parts)))

describe("xz", () => {
  const kernel = ["--check=crc32", "--x86", "--lzma2=preset=6,dict=1MiB", "-c"]

  it.each([
    ["as the kernel's build calls it", kernel],
    ["without the branch filter", ["--check=crc32", "-1", "-c"]],
    ["with the sizes of another literal context and CRC64", ["--check=crc64", "--lzma2=lc=0,lp=2,pb=0", "-c"]],
    ["without a checksum", ["--check=none", "-0", "-c"]],
    ["with sizes in the block header", ["-T2", "--block-size=4MiB", "--check=crc32", "-c"]]
  ])("unpacks code packed %s", (_, args) => expectBack(xzCodec, pack("xz", args, code), code))

  it("unpacks what does not compress", () => {
    const noise = Uint8Array.from({ length: 300_000 }, (_, i) => (Math.sin(i) * 1e9) & 0xff)
    expectBack(xzCodec, pack("xz", kernel, noise), noise)
  })

  it("gives back any data", { timeout: 30_000 }, () => {
    fc.assert(
      fc.property(data, (bytes) => bytes.length === 0 || expectBack(xzCodec, pack("xz", kernel, bytes), bytes)),
      { numRuns: 40 }
    )
  })

  it("refuses damaged data or gives it back right, and never throws", () => {
    const packed = pack("xz", kernel, code.subarray(0, 20_000))
    fc.assert(
      fc.property(fc.nat(packed.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Buffer.from(packed)
        damaged[at]! ^= change
        const unpacked = unpack(xzCodec, damaged, 20_000)
        if (Either.isRight(unpacked)) expect(Buffer.from(unpacked.right).equals(code.subarray(0, 20_000))).toBe(true)
      }),
      { numRuns: 200 }
    )
    expect(Either.isLeft(unpack(xzCodec, packed.subarray(0, 1000), 20_000))).toBe(true)
    expect(String(Either.getOrThrow(Either.flip(unpack(xzCodec, packed, 20_001))))).toContain("20001")
    expect(Either.isLeft(unpack(xzCodec, new Uint8Array(), 1))).toBe(true)
  })

  it("names a filter it does not know", () => {
    const packed = pack("xz", ["--delta", "--lzma2", "-c"], code.subarray(0, 1000))
    expect(String(Either.getOrThrow(Either.flip(unpack(xzCodec, packed, 1000))))).toContain(
      "filters 0x3, 0x21 are not supported"
    )
  })
})

describe("lz4", () => {
  const legacy = ["-l", "-9", "-c"]

  it("unpacks code, over several blocks", () => {
    const large = Buffer.concat(Array.from({ length: 20 }, () => code))
    expectBack(lz4Codec, pack("lz4", legacy, large), large)
  })

  it("gives back any data", { timeout: 30_000 }, () => {
    fc.assert(
      fc.property(data, (bytes) => bytes.length === 0 || expectBack(lz4Codec, pack("lz4", legacy, bytes), bytes)),
      { numRuns: 40 }
    )
  })
})

describe("lz4", () => {
  /** "abcd" twelve times: four literals, a match from 4 back, and five literals, as the format wants at the end. */
  const packed = Uint8Array.from([
    ...[0x02, 0x21, 0x4c, 0x18],
    ...[14, 0, 0, 0],
    ...[0x4f, 97, 98, 99, 100, 4, 0, 20],
    ...[0x50, 100, 97, 98, 99, 100]
  ])

  it("unpacks a match that overlaps itself", () => {
    const unpacked = Either.getOrThrow(unpack(lz4Codec, packed, 48))
    expect(Buffer.from(unpacked).toString()).toBe(`${"abcd".repeat(10)}abc${"dabcd"}`)
  })

  it("never throws on damaged data", () => {
    fc.assert(
      fc.property(
        fc.nat(packed.length - 1),
        fc.integer({ min: 0, max: 255 }),
        fc.nat(packed.length),
        (at, byte, cut) => {
          const damaged = packed.slice(0, cut)
          if (at < cut) damaged[at] = byte
          expect(Either.isEither(unpack(lz4Codec, damaged, 48))).toBe(true)
        }
      )
    )
    expect(String(Either.getOrThrow(Either.flip(unpack(lz4Codec, packed, 49))))).toContain("instead of the 49")
  })
})

describe("zstd", () => {
  const packed = pack("zstd", ["-19", "-c"], code)

  it("unpacks code", () => {
    for (const codec of [zstdCodec, portableZstd]) expectBack(codec, packed, code)
  })

  it("refuses damaged data or gives it back right, in bounded memory, and never throws", () => {
    const small = pack("zstd", ["-3", "-c"], code.subarray(0, 3000))
    const damage = fc.array(fc.tuple(fc.nat(small.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    for (const codec of [zstdCodec, portableZstd]) {
      fc.assert(
        fc.property(damage, fc.nat(small.length), fc.integer({ min: 0, max: 6000 }), (changes, cut, size) => {
          const damaged = Uint8Array.from(small.subarray(0, cut))
          for (const [at, byte] of changes) if (at < cut) damaged[at] = byte
          const began = performance.now()
          const before = process.memoryUsage().arrayBuffers
          const unpacked = unpack(codec, damaged, size)
          expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 2 ** 20)
          expect(performance.now() - began).toBeLessThan(5000)
          if (Either.isRight(unpacked)) expect(unpacked.right.length).toBe(size)
        }),
        { numRuns: 300 }
      )
    }
  })
})

describe("a stream that unpacks to far more than its trailer promises", () => {
  const zeros = new Uint8Array(64 * 2 ** 20)

  it.each([
    ["xz", xzCodec, ["-1", "--check=crc32", "-c"]],
    ["lz4", lz4Codec, ["-l", "-9", "-c"]],
    ["zstd", zstdCodec, ["-3", "-c"]],
    ["zstd", portableZstd, ["-3", "-c"]]
  ] as const)("is refused by %s in the memory of the promise", (command, codec, args) => {
    const bomb = pack(command, args, zeros)
    const before = process.memoryUsage().arrayBuffers
    const unpacked = unpack(codec, bomb, 100_000)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 2 ** 20)
    expect(Either.isLeft(unpacked)).toBe(true)
  })
})

describe("layerKernelCodecs", () => {
  it("adds to what is there", () => {
    const codecs = Effect.runSync(Effect.provide(PayloadCodecs, layerKernelCodecs))
    expect(Object.keys(codecs).sort()).toEqual(["gzip", "lz4", "none", "xz", "zstd"])
  })
})
