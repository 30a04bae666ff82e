import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { didYouMean, editDistance, suggestion } from "../src/base/Suggest.ts"

describe("Suggest", () => {
  it("counts edits, a swap of neighbours as one", () => {
    expect(editDistance("steady", "steady")).toBe(0)
    expect(editDistance("staedy", "steady")).toBe(1)
    expect(editDistance("stedy", "steady")).toBe(1)
    expect(editDistance("", "abc")).toBe(3)
    expect(editDistance("kitten", "sitting")).toBe(3)
  })

  it("is a symmetric distance within the longer length", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        const distance = editDistance(a, b)
        expect(distance).toBe(editDistance(b, a))
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length))
        expect(distance === 0).toBe(a === b)
      })
    )
  })

  it("finds the nearest name and nothing far", () => {
    const names = ["SpinWait", "Bursty", "PipeIo", "oversubscribed"]
    expect(didYouMean("spinwiat", names)).toBe("SpinWait")
    expect(didYouMean("over", names)).toBe("oversubscribed")
    expect(didYouMean("PipeO", names)).toBe("PipeIo")
    expect(didYouMean("xyzzy", names)).toBeUndefined()
    expect(suggestion("Brusty", names)).toBe("; did you mean 'Bursty'?")
    expect(suggestion("xyzzy", names)).toBe("; there are: SpinWait, Bursty, PipeIo, oversubscribed")
  })
})
