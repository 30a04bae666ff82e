import { gzipSync } from "node:zlib"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import fc from "fast-check"
import { parseKernelImage, payloadFormat, splitPayload } from "../../src/image/BzImage.ts"
import { hasSchedExt, PayloadCodecs, unpackKernel } from "../../src/image/KernelPayload.ts"
import { bzImage, vmlinux } from "./images.ts"

const messageOf = (bytes: Uint8Array, size = bytes.length): string =>
  Either.match(parseKernelImage(bytes, size), {
    onLeft: (error) => `${error.reason}: ${error.message}`,
    onRight: (image) => image._tag
  })

describe("parseKernelImage", () => {
  it("reads the setup header", () => {
    const image = bzImage(new Uint8Array(5000).fill(7), { version: "7.3.4+deb13-amd64 (builder) #1 SMP" })
    const parsed = Either.getOrThrow(parseKernelImage(image, image.length))
    expect(parsed).toMatchObject({
      _tag: "BzImage",
      header: { protocol: 0x20f, release: "7.3.4+deb13-amd64", setupSize: 2560, payload: { length: 5000 } }
    })
  })

  it("says what a file is that is no kernel", () => {
    expect(messageOf(new TextEncoder().encode("#!/bin/sh\n"))).toBe(
      "NotAKernel: is not a kernel image: no boot sector signature at 0x1fe and no ELF header (10 bytes); give a bzImage or a vmlinux"
    )
    expect(messageOf(new Uint8Array(0))).toContain("no boot sector signature at 0x1fe")
    const sector = new Uint8Array(1024)
    sector.set([0x55, 0xaa], 0x1fe)
    expect(messageOf(sector)).toContain(`without the setup header "HdrS" at 0x202`)
    const library = vmlinux([])
    library[16] = 3
    expect(messageOf(library)).toContain("another kind than vmlinux")
    const foreign = vmlinux([])
    foreign[18] = 183
    expect(messageOf(foreign)).toBe(
      "WrongArchitecture: is not an x86-64 kernel: its ELF header says class 2, machine 183"
    )
    expect(messageOf(vmlinux([]))).toBe("Vmlinux")
  })

  it("names both sizes of a truncated image", () => {
    const image = bzImage(new Uint8Array(8000))
    const cut = image.subarray(0, 4000)
    expect(messageOf(cut)).toBe(
      `Truncated: is truncated: its header promises ${Math.ceil((image.length - 2560) / 16) * 16 + 2560} bytes, the file has 4000`
    )
  })

  it("takes any bytes without throwing", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1500 }), fc.boolean(), (bytes, signed) => {
        const image = bytes.slice()
        if (signed && image.length > 0x210) {
          image.set([0x55, 0xaa], 0x1fe)
          image.set(new TextEncoder().encode("HdrS"), 0x202)
        }
        expect(Either.isEither(parseKernelImage(image, image.length))).toBe(true)
      })
    )
  })
})

describe("unpackKernel", () => {
  it.effect("unpacks a gzip payload to the ELF", () =>
    Effect.gen(function* () {
      const elf = vmlinux(["task_struct", "sched_ext_ops"])
      const unpacked = yield* unpackKernel(bzImage(gzipSync(elf)))
      expect(Buffer.from(unpacked).equals(Buffer.from(elf))).toBe(true)
      expect(hasSchedExt(unpacked)).toBe(true)
    })
  )

  it.effect("says which compression it lacks, and what a corrupt payload is", () =>
    Effect.gen(function* () {
      const xz = bzImage(new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2, 3, 4, 5]))
      expect((yield* Effect.flip(unpackKernel(xz))).message).toBe("is compressed with xz, which ktstr cannot unpack")
      const broken = bzImage(new Uint8Array([0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
      expect((yield* Effect.flip(unpackKernel(broken))).message).toContain("has a corrupt gzip payload")
      const noElf = bzImage(gzipSync(new Uint8Array(100)))
      expect((yield* Effect.flip(unpackKernel(noElf))).message).toBe("has a gzip payload that holds no ELF file")
    })
  )

  it.effect("hands the codec the stream without the appended size", () =>
    Effect.gen(function* () {
      const elf = vmlinux([])
      const payload = new Uint8Array([
        0x28,
        0xb5,
        0x2f,
        0xfd,
        9,
        9,
        ...new Uint8Array(new Uint32Array([elf.length]).buffer)
      ])
      const seen: Array<number> = []
      const codec = (stream: Uint8Array, size: number) =>
        Effect.sync(() => {
          seen.push(stream.length, size)
          return elf
        })
      yield* Effect.provideService(unpackKernel(bzImage(payload)), PayloadCodecs, { zstd: codec })
      expect(seen).toEqual([6, elf.length])
    })
  )
})

describe("payload", () => {
  it("is known by its magic", () => {
    expect(payloadFormat(new Uint8Array([0x02, 0x21, 0x4c, 0x18]))).toBe("lz4")
    expect(payloadFormat(new Uint8Array([1, 2, 3]))).toBe("unknown")
    expect(splitPayload(new Uint8Array(2))).toMatchObject({ format: "unknown", size: 0 })
  })

  it("of a kernel without BTF has no sched_ext", () => {
    expect(hasSchedExt(vmlinux(["task_struct", "sched_ext_ops_flags"]))).toBe(false)
    expect(hasSchedExt(new Uint8Array(64))).toBe(false)
  })
})
