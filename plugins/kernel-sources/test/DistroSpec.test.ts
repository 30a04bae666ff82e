import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import { candidateSuites, parseOsRelease } from "../src/sources/Distribution.ts"
import {
  type KernelPackage,
  packageRelease,
  parseDistroSpec,
  parsePackages,
  selectPackages
} from "../src/sources/DistroSpec.ts"

const offered = (...names: ReadonlyArray<string>): ReadonlyArray<KernelPackage> =>
  names.map((name) => ({
    name,
    version: "1",
    suite: "s",
    size: 1,
    sha256: "0".repeat(64),
    filename: `pool/${name}.deb`
  }))

const all = offered(
  "linux-binary-7.3.4+deb13-amd64",
  "linux-binary-unsigned-7.3.4+deb13-amd64",
  "linux-binary-7.3.4+deb13-rt-amd64",
  "linux-binary-7.3.4+deb13-cloud-amd64",
  "linux-image-7.3.4+deb13-amd64",
  "linux-image-7.3.4+deb13-amd64-dbg",
  "linux-image-amd64",
  "linux-binary-7.2.12+deb13-amd64",
  "linux-image-6.12.48+deb13-amd64",
  "linux-image-6.1.0-37-amd64",
  "linux-image-6.14.0-24-generic",
  "linux-headers-7.3.4+deb13-amd64"
)

const names = (pattern: string | undefined): ReadonlyArray<string> =>
  selectPackages(pattern, all).map(({ name }) => name)

describe("selectPackages", () => {
  it("by default takes signed plain kernels from 6.12 on, newest first, the one with the image before the metapackage", () => {
    expect(names(undefined)).toEqual([
      "linux-binary-7.3.4+deb13-amd64",
      "linux-image-7.3.4+deb13-amd64",
      "linux-binary-7.2.12+deb13-amd64",
      "linux-image-6.14.0-24-generic",
      "linux-image-6.12.48+deb13-amd64"
    ])
  })

  it("obeys globs and version prefixes; flavours and unsigned kernels must be named", () => {
    expect(names("linux-image-6.1.*")).toEqual(["linux-image-6.1.0-37-amd64"])
    expect(names("linux-image-7.2*")).toEqual(["linux-binary-7.2.12+deb13-amd64"])
    expect(names("linux-binary-7.3.*-rt-*")).toEqual(["linux-binary-7.3.4+deb13-rt-amd64"])
    expect(names("linux-binary-unsigned-7.3*")).toEqual(["linux-binary-unsigned-7.3.4+deb13-amd64"])
    expect(names("7.2")).toEqual(["linux-binary-7.2.12+deb13-amd64"])
    expect(names("linux-headers-*")).toEqual([])
  })

  it("takes any pattern without throwing", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), (pattern) => {
        expect(names(pattern).every((name) => packageRelease(name) !== undefined)).toBe(true)
      })
    )
  })
})

describe("parseDistroSpec", () => {
  it("splits suite and pattern", () => {
    expect(parseDistroSpec(undefined)).toEqual({ suite: undefined, pattern: undefined })
    expect(parseDistroSpec("distro:")).toEqual({ suite: undefined, pattern: undefined })
    expect(parseDistroSpec("distro:linux-*")).toEqual({ suite: undefined, pattern: "linux-*" })
    expect(parseDistroSpec("distro:trixie-backports/")).toEqual({ suite: "trixie-backports", pattern: undefined })
    expect(parseDistroSpec("distro:sid/linux-image-*")).toEqual({ suite: "sid", pattern: "linux-image-*" })
  })
})

describe("parsePackages", () => {
  it("reads stanzas and leaves out those that cannot be downloaded and checked", () => {
    const sha256 = "ab".repeat(32)
    const text = `Package: linux-image-1-amd64
Version: 1.0-1
Description: a kernel
 Size: 7
Filename: pool/l/a.deb
Size: 42
SHA256: ${sha256}

Package: linux-image-2-amd64
Version: 1
Filename: pool/b.deb
Size: 42
MD5sum: abc
`
    expect(parsePackages(text, "trixie")).toEqual([
      { name: "linux-image-1-amd64", version: "1.0-1", suite: "trixie", size: 42, sha256, filename: "pool/l/a.deb" }
    ])
  })
})

describe("Distribution", () => {
  const release = (text: string, stable: string) => {
    const distribution = parseOsRelease(text)
    return distribution === undefined ? undefined : candidateSuites(distribution, stable)
  }

  it("looks into stable's backports first on a released Debian, into its own suite on a rolling one", () => {
    const bookworm = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
    expect(release(bookworm, "trixie")).toEqual(["trixie-backports", "trixie", "bookworm-backports", "bookworm"])
    expect(release("ID=debian\nVERSION_CODENAME=forky\n", "trixie")).toEqual(["forky", "trixie-backports", "trixie"])
  })

  it("stays within the release on Ubuntu, and knows what is derived from either", () => {
    const mint = 'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=xia\nUBUNTU_CODENAME=noble\nVERSION_ID="22"\n'
    expect(release(mint, "x")).toEqual(["noble-updates", "noble-security", "noble"])
    expect(release('ID=fedora\nVERSION_ID="42"\n', "x")).toBeUndefined()
    expect(release("", "x")).toBeUndefined()
  })
})
