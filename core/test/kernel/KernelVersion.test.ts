import { spawnSync } from "node:child_process"
import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import { compareVersions, isVersionPrefix } from "../../src/kernel/Version.ts"

/** Smaller, then larger, by deb-version(7). */
const ordered: ReadonlyArray<readonly [string, string]> = [
  ["6.12.9+deb13-amd64", "6.12.48+deb13-amd64"],
  ["7.2.12+deb13-amd64", "7.3.4+deb13-amd64"],
  ["6.15~rc3", "6.15"],
  ["1.0~~", "1.0~"],
  ["1.0", "1.0a"],
  ["1.0a", "1.0+"],
  ["9", "1:1"],
  ["7.3.4-1~bpo13+1", "7.3.4-1"],
  ["6.1.0-9-amd64", "6.1.0-37-amd64"]
]

describe("compareVersions", () => {
  it("orders as deb-version(7) says", () => {
    for (const [smaller, larger] of ordered) {
      expect([smaller, larger, compareVersions(smaller, larger)]).toEqual([smaller, larger, -1])
      expect(compareVersions(larger, smaller)).toBe(1)
    }
    expect(compareVersions("1.00", "1.0")).toBe(0)
  })

  it("agrees with dpkg", () => {
    const version = fc.stringMatching(/^[0-9][0-9a-z.+~]{0,6}(-[0-9a-z.+~]{1,4})?$/)
    fc.assert(
      fc.property(version, version, (a, b) => {
        const dpkg = (operator: string) => spawnSync("dpkg", ["--compare-versions", a, operator, b]).status === 0
        const order = compareVersions(a, b)
        expect([a, b, dpkg(order < 0 ? "lt" : order > 0 ? "gt" : "eq")]).toEqual([a, b, true])
      }),
      { numRuns: 60 }
    )
  })
})

describe("isVersionPrefix", () => {
  it("ends at the end of a number", () => {
    const release = "7.3.4+deb13-amd64"
    expect(["7", "7.3", "7.3.4", release].every((prefix) => isVersionPrefix(prefix, release))).toBe(true)
    expect(["7.", "7.3.4+", "3", "7.30", ""].some((prefix) => isVersionPrefix(prefix, release))).toBe(false)
    expect(isVersionPrefix("7.3", "7.30.1")).toBe(false)
  })
})
