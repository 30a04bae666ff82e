// The codecs against the encoders of the kernel's build, and against bytes made by hand.
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { type PayloadCodec, PayloadCodecs } from "@ktstr/core/image"
import { layerKernelCodecs, lz4Codec, xzCodec, zstdCodec } from "@ktstr/kernel-sources"
import { Effect, Either } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"

const pack = (command: string, args: ReadonlyArray<string>, data: Uint8Array): Buffer => {
  const { stdout, status, stderr } = spawnSync(command, args, { input: data, maxBuffer: 2 ** 28 })
  if (status !== 0) throw new Error(`${command}: ${stderr}`)
  return stdout
}

const unpack = (codec: PayloadCodec, stream: Uint8Array, size: number): Promise<Either.Either<Uint8Array, unknown>> =>
  Effect.runPromise(Effect.either(codec(stream, size)))

const expectBack = async (codec: PayloadCodec, stream: Uint8Array, data: Uint8Array): Promise<void> => {
  const unpacked = await unpack(codec, stream, data.length)
  expect(Either.isRight(unpacked) ? "" : String(unpacked.left)).toBe("")
  expect(Buffer.from(Either.getOrThrow(unpacked)).equals(Buffer.from(data))).toBe(true)
}

/** Returns a codec's message for a stream that it refuses. */
const refusal = async (codec: PayloadCodec, stream: Uint8Array, size: number): Promise<string> =>
  String(Either.getOrThrow(Either.flip(await unpack(codec, stream, size))))

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

  it("unpacks what does not compress", async () => {
    const noise = Uint8Array.from({ length: 300_000 }, (_, i) => (Math.sin(i) * 1e9) & 0xff)
    await expectBack(xzCodec, pack("xz", kernel, noise), noise)
  })

  it("gives back any data", () =>
    fc.assert(
      fc.asyncProperty(data, (bytes) => expectBack(xzCodec, pack("xz", kernel, bytes), bytes)),
      { numRuns: 40 }
    ))

  it("refuses damaged data or gives it back right, and never throws", async () => {
    const packed = pack("xz", kernel, code.subarray(0, 20_000))
    await fc.assert(
      fc.asyncProperty(fc.nat(packed.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const damaged = Buffer.from(packed)
        damaged[at]! ^= change
        const unpacked = await unpack(xzCodec, damaged, 20_000)
        if (Either.isRight(unpacked)) expect(Buffer.from(unpacked.right).equals(code.subarray(0, 20_000))).toBe(true)
      }),
      { numRuns: 100 }
    )
    expect(Either.isLeft(await unpack(xzCodec, packed.subarray(0, 1000), 20_000))).toBe(true)
    expect(await refusal(xzCodec, packed, 20_001)).toContain("20000 bytes instead of the 20001")
    expect(await refusal(xzCodec, packed, 19_999)).toContain("more than the 19999 bytes")
    expect(Either.isLeft(await unpack(xzCodec, new Uint8Array(), 1))).toBe(true)
  })

  it("unpacks any filter", () =>
    expectBack(xzCodec, pack("xz", ["--delta", "--lzma2", "-c"], code.subarray(0, 1000)), code.subarray(0, 1000)))

  it("refuses a dictionary that no kernel has", async () => {
    const packed = pack("xz", ["--lzma2=preset=0,dict=512MiB", "-c"], code.subarray(0, 1000))
    expect(await refusal(xzCodec, packed, 1000)).toMatch(/memory/i)
  })
})

describe("lz4", () => {
  const legacy = ["-l", "-9", "-c"]

  it("unpacks code, over several blocks", async () => {
    const large = Buffer.concat(Array.from({ length: 20 }, () => code))
    await expectBack(lz4Codec, pack("lz4", legacy, large), large)
  })

  it("gives back any data", () =>
    fc.assert(
      fc.asyncProperty(data, (bytes) => expectBack(lz4Codec, pack("lz4", legacy, bytes), bytes)),
      { numRuns: 40 }
    ))
})

describe("lz4", () => {
  /** "abcd" twelve times: four literals, a match from 4 back, and five literals, as the format wants at the end. */
  const packed = Uint8Array.from([
    ...[0x02, 0x21, 0x4c, 0x18],
    ...[14, 0, 0, 0],
    ...[0x4f, 97, 98, 99, 100, 4, 0, 20],
    ...[0x50, 100, 97, 98, 99, 100]
  ])

  it("unpacks a match that overlaps itself", async () => {
    const unpacked = Either.getOrThrow(await unpack(lz4Codec, packed, 48))
    expect(Buffer.from(unpacked).toString()).toBe(`${"abcd".repeat(10)}abc${"dabcd"}`)
  })

  it("never throws on damaged data", async () => {
    const damage = [fc.nat(packed.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(packed.length)] as const
    await fc.assert(
      fc.asyncProperty(...damage, async (at, byte, cut) => {
        const damaged = packed.slice(0, cut)
        if (at < cut) damaged[at] = byte
        expect(Either.isEither(await unpack(lz4Codec, damaged, 48))).toBe(true)
      })
    )
    expect(await refusal(lz4Codec, packed, 49)).toContain("instead of the 49")
  })
})

describe("zstd", () => {
  it("unpacks code", () => expectBack(zstdCodec, pack("zstd", ["-19", "-c"], code), code))

  it("refuses damaged data or gives it back right, and never throws", async () => {
    const small = pack("zstd", ["-3", "-c"], code.subarray(0, 3000))
    const damage = fc.array(fc.tuple(fc.nat(small.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(damage, fc.nat(small.length), fc.integer({ min: 0, max: 6000 }), async (changes, cut, size) => {
        const damaged = Uint8Array.from(small.subarray(0, cut))
        for (const [at, byte] of changes) if (at < cut) damaged[at] = byte
        const unpacked = await unpack(zstdCodec, damaged, size)
        if (Either.isRight(unpacked)) expect(unpacked.right.length).toBe(size)
      }),
      { numRuns: 100 }
    )
  })
})

describe("a program that is not there", () => {
  it("is named with its Debian package", async () => {
    const path = process.env.PATH
    process.env.PATH = "/nonexistent"
    try {
      expect(await refusal(zstdCodec, new Uint8Array(9), 1)).toContain(
        "zstd not found in PATH: install it with: apt-get install zstd"
      )
    } finally {
      process.env.PATH = path
    }
  })
})

describe("a stream that unpacks to far more than its trailer promises", () => {
  const zeros = new Uint8Array(64 * 2 ** 20)

  it.each([
    ["xz", xzCodec, ["-1", "--check=crc32", "-c"]],
    ["lz4", lz4Codec, ["-l", "-9", "-c"]],
    ["zstd", zstdCodec, ["-3", "-c"]]
  ] as const)("is refused by %s in the memory of the promise", async (command, codec, args) => {
    const bomb = pack(command, args, zeros)
    const before = process.memoryUsage().arrayBuffers
    expect(await refusal(codec, bomb, 100_000)).toContain("more than the 100000 bytes its trailer promises")
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 2 ** 20)
  })
})

describe("layerKernelCodecs", () => {
  it("adds to what is there", () => {
    const codecs = Effect.runSync(Effect.provide(PayloadCodecs, layerKernelCodecs))
    expect(Object.keys(codecs).sort()).toEqual(["gzip", "lz4", "none", "xz", "zstd"])
  })
})
