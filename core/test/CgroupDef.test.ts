import { describe, expect, it } from "@effect/vitest"
import { def } from "./planBed.ts"

describe("CgroupDef", () => {
  it("is immutable", () => {
    const base = def("a")
    base.workers(9).nice(3).swappable(true)
    expect(base.workGroups).toEqual([{}])
    expect(base.isSwappable).toBe(false)
  })

  it("gives added groups what they leave unset, but not its own count", () => {
    const groups = def("a").nice(5).work({ workers: 1 }).work({ workers: 2, nice: 19 }).workGroups
    expect(groups.map((group) => [group.workers, group.nice])).toEqual([
      [1, 5],
      [2, 19]
    ])
    expect(
      def("a")
        .workers(4)
        .work({ nice: 1 })
        .workGroups.map((group) => group.workers)
    ).toEqual([4, undefined])
  })
})
