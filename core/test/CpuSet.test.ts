import { Either, Equal } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { CpuSet } from "../src/topology/CpuSet.ts"

const cpus = fc.array(fc.integer({ min: 0, max: 300 }))

describe("CpuSet", () => {
  it("reads a cpulist", () => {
    expect(Either.getOrThrow(CpuSet.parse("0-3,5,7-9\n")).cpus).toEqual([0, 1, 2, 3, 5, 7, 8, 9])
    expect(Either.getOrThrow(CpuSet.parse("")).isEmpty).toBe(true)
  })

  it("reads what it writes, and equals it", () => {
    fc.assert(
      fc.property(cpus, (list) => {
        const set = CpuSet.from(list)
        expect(Equal.equals(Either.getOrThrow(CpuSet.parse(set.toString())), set)).toBe(true)
        expect(Equal.equals(CpuSet.parseLenient(set.toString()), set)).toBe(true)
      })
    )
  })

  it.each([
    ["0-3,x", "x", "cpulist '0-3,x': 'x' is no CPU number or range"],
    ["0,,1", "", "cpulist '0,,1': an empty item"],
    ["3-1", "3-1", "cpulist '3-1': range '3-1' ends before it starts"],
    ["-1", "-1", "cpulist '-1': '-1' is no CPU number or range"],
    ["9999", "9999", "cpulist '9999': '9999' is beyond the highest CPU number, 8191"]
  ])("names the token that is wrong in %s", (text, token, expected) => {
    const error = Either.getOrThrow(Either.flip(CpuSet.parse(text)))
    expect(error.token).toBe(token)
    expect(error.message).toBe(`${expected}; write CPU numbers and ranges, for example 0-3,5,7-9`)
  })

  it("reads leniently what can be read", () => {
    expect(CpuSet.parseLenient("0-1, x,3 9-8 5").toString()).toBe("0-1,3,5")
    fc.assert(
      fc.property(fc.string(), cpus, (junk, list) => {
        const known = CpuSet.from(list)
        expect(known.isSubsetOf(CpuSet.parseLenient(`${known} ${junk}`))).toBe(true)
      })
    )
  })

  it("does set algebra", () => {
    fc.assert(
      fc.property(cpus, cpus, (a, b) => {
        const [x, y] = [CpuSet.from(a), CpuSet.from(b)]
        expect(Equal.equals(x.difference(y).union(x.intersect(y)), x)).toBe(true)
        expect(x.intersect(y).isSubsetOf(x)).toBe(true)
        expect(x.isSubsetOf(x.union(y))).toBe(true)
        expect(x.union(y).size).toBe(x.size + y.size - x.intersect(y).size)
      })
    )
  })

  it("refuses what is no CPU number", () => {
    expect(() => CpuSet.of(-1)).toThrow(RangeError)
    expect(() => CpuSet.of(1.5)).toThrow(RangeError)
  })

  it("can't be changed", () => {
    expect(() => (CpuSet.of(1).cpus as Array<number>).push(2)).toThrow(TypeError)
    expect(JSON.stringify({ cpus: CpuSet.of(2, 1, 2, 7) })).toBe('{"cpus":"1-2,7"}')
  })
})
