import { spawnSync } from "node:child_process"
import { describe, expect, it } from "@effect/vitest"
import { Either } from "effect"
import fc from "fast-check"
import { type CpioEntry, decodeCpio, encodeCpio } from "../../src/image/Cpio.ts"

const segment = fc
  .stringMatching(/^[A-Za-z0-9_.+-]{1,12}$/)
  .filter((name) => name !== "." && name !== ".." && name !== "TRAILER!!!")
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"))
const permissions = fc.integer({ min: 0, max: 0o7777 })
const number = fc.integer({ min: 0, max: 4095 })

const entry: fc.Arbitrary<CpioEntry> = fc.oneof(
  fc.record({ _tag: fc.constant("Directory" as const), path, permissions }),
  fc.record({ _tag: fc.constant("File" as const), path, permissions, data: fc.uint8Array({ maxLength: 600 }) }),
  fc.record({ _tag: fc.constant("Symlink" as const), path, target: path }),
  fc.record({ _tag: fc.constant("CharDevice" as const), path, permissions, major: number, minor: number })
)

describe("Cpio", () => {
  it("gives back what it wrote, in archives that can be concatenated", () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 8 }), fc.array(entry, { maxLength: 4 }), (first, second) => {
        const archives = [encodeCpio(first), encodeCpio(second)]
        for (const archive of archives) expect(archive.length % 512).toBe(0)
        const both = new Uint8Array(Buffer.concat(archives))
        expect(Either.getOrThrow(decodeCpio(both))).toEqual([...first, ...second])
      })
    )
  })

  it("writes what cpio(1) reads", () => {
    const archive = encodeCpio([
      { _tag: "Directory", path: "dev", permissions: 0o755 },
      { _tag: "CharDevice", path: "dev/console", permissions: 0o600, major: 5, minor: 1 },
      { _tag: "File", path: "init", permissions: 0o755, data: new Uint8Array(3).fill(65) },
      { _tag: "Symlink", path: "sbin", target: "usr/sbin" }
    ])
    const listed = spawnSync("cpio", ["--list", "--verbose", "--numeric-uid-gid"], { input: archive, encoding: "utf8" })
    expect(listed.status).toBe(0)
    const lines = listed.stdout
      .trim()
      .split("\n")
      .map((line) => line.split(/\s+/))
    expect(lines.map((fields) => fields[0])).toEqual(["drwxr-xr-x", "crw-------", "-rwxr-xr-x", "lrwxrwxrwx"])
    expect(lines[1]).toEqual(expect.arrayContaining(["5,", "1", "dev/console"]))
    expect(lines[3]?.slice(-3)).toEqual(["sbin", "->", "usr/sbin"])
  })

  it("gives the same bytes for the same members", () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 5 }), (entries) => {
        expect(encodeCpio(entries)).toEqual(encodeCpio(entries))
      })
    )
  })

  it("refuses paths that would escape", () => {
    for (const bad of ["", "/init", "../x", "a//b", "a/../b"]) {
      expect(() => encodeCpio([{ _tag: "Directory", path: bad, permissions: 0 }])).toThrow(RangeError)
    }
  })

  it("names the offset of what is wrong and never throws", () => {
    const archive = encodeCpio([{ _tag: "File", path: "a", permissions: 0o644, data: new Uint8Array(900) }])
    const message = (bytes: Uint8Array) =>
      Either.match(decodeCpio(bytes), { onLeft: (e) => e.message, onRight: () => "read" })
    expect(message(archive.subarray(0, 400))).toBe("the member at offset 0 is cut short")
    expect(message(archive.subarray(0, 112 + 900))).toBe("no trailer before the end at offset 1012")
    expect(message(new TextEncoder().encode("not an archive"))).toBe("no newc header at offset 0")
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(1500), (noise, at) => {
        const bytes = archive.slice()
        bytes.set(noise.subarray(0, Math.max(0, bytes.length - (at % bytes.length))), at % bytes.length)
        expect(Either.isEither(decodeCpio(bytes))).toBe(true)
      })
    )
  })
})
