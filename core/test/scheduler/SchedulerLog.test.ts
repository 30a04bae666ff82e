import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { boundLines, collapseLog } from "../../src/scheduler/index.ts"

/** As the verifier logs a loop: the same instructions, other numbers. */
const iteration = (n: number): ReadonlyArray<string> => [
  `${100 + n}: (07) r1 += ${n}`,
  `; for (i = 0; i < ${n}; i++)`,
  `${101 + n}: (bf) r2 = r10 ; R2_w=fp0 R10=fp-${n}`,
  `${102 + n}: (85) call 0x${n.toString(16)}#12`,
  `processed ${n} insns`
]
const times = (n: number, block: (i: number) => ReadonlyArray<string>) =>
  Array.from({ length: n }, (_, i) => block(i)).flat()

describe("collapseLog", () => {
  it("shows first and last of a repeated block, and how many there were between", () => {
    const lines = ["before", ...times(40, iteration), "after"]
    expect(collapseLog(lines)).toEqual([
      "before",
      ...iteration(0),
      "… 38 more like the 5 lines above, then the last:",
      ...iteration(39),
      "after"
    ])
  })

  it("collapses loops in loops", () => {
    const outer = (i: number) => [`outer ${i}`, ...times(10, iteration), "inner done", "a", "b", "c"]
    const collapsed = collapseLog(times(20, outer))
    expect(collapsed.length).toBeLessThan(40)
    expect(collapsed.filter((line) => line.startsWith("… ")).length).toBeGreaterThanOrEqual(2)
    expect(collapsed[0]).toBe("outer 0")
    expect(collapsed).toContain("outer 19")
  })

  it.each([
    ["blocks of four lines", times(9, (i) => [`a ${i}`, "b", "c", "d"]).slice(0, 12)],
    ["two repetitions", times(2, iteration)],
    ["lines that differ", ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]]
  ])("leaves %s as they are", (_, lines) => {
    expect(collapseLog(lines)).toEqual(lines)
  })

  it("never loses the first or the last line, and never makes a log longer", () => {
    const line = fc.constantFrom("a", "b", "c 1", "c 2", "d")
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 120 }), (lines) => {
        const collapsed = collapseLog(lines)
        expect(collapsed[0]).toBe(lines[0])
        expect(collapsed.at(-1)).toBe(lines.at(-1))
        expect(collapsed.length).toBeLessThanOrEqual(lines.length)
      })
    )
  })

  it("copes with as many lines as the agent keeps", () => {
    const lines = times(5000, (i) => [`line ${i} of nothing ${"x".repeat(i % 17)}`])
    expect(collapseLog(lines).length).toBeLessThanOrEqual(lines.length)
  })
})

describe("boundLines", () => {
  it("keeps beginning and end", () => {
    const lines = Array.from({ length: 100 }, (_, i) => `${i}`)
    expect(boundLines(lines, 5)).toEqual(["0", "1", "2", "… 95 lines …", "98", "99"])
    expect(boundLines(lines, 100)).toBe(lines)
  })
})
