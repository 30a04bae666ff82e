import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { alignmentMs, GuestClock, makeHostTime } from "../src/check/HostTime.ts"
import { HostDelayTimeline } from "../src/machine/HostDelay.ts"

/** Slices as [length, waits of each thread]. */
const slices = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 300 }), fc.array(fc.double({ min: 0, max: 2000, noNaN: true }), { maxLength: 3 })),
  { minLength: 1, maxLength: 60 }
)

const timelineOf = (
  parts: ReadonlyArray<readonly [number, ReadonlyArray<number>]>,
  most?: number
): HostDelayTimeline => {
  const timeline = new HostDelayTimeline(1000, most)
  for (const [lengthMs, waits] of parts) timeline.add(timeline.endedMs + lengthMs, waits)
  return timeline
}

describe("HostDelayTimeline", () => {
  it("adds up what one thread waited", () => {
    const timeline = timelineOf([
      [25, [10]],
      [25, [0]],
      [25, [25]]
    ])
    expect(timeline.between(1000, 1075)).toBe(35)
    expect(timeline.between(1025, 1050)).toBe(0)
    expect(timeline.between(1050, 1060)).toBe(10)
  })

  it("puts a wait that the kernel told of at its end where it was", () => {
    const timeline = timelineOf([
      [25, [0]],
      [25, [0]],
      [25, [60]]
    ])
    expect([timeline.between(1000, 1025), timeline.between(1025, 1050), timeline.between(1050, 1075)]).toEqual([
      10, 25, 25
    ])
  })

  it("counts the longest wait of a slice, not the sum of its threads", () => {
    expect(timelineOf([[25, [10, 20, 5]]]).between(1000, 1025)).toBe(20)
  })

  it("makes no slice of a clock that was set back", () => {
    const timeline = timelineOf([[25, [10]]])
    timeline.add(900, [500])
    expect([timeline.endedMs, timeline.slices]).toEqual([1025, 1])
  })

  it("never has more delay than time, and more of it in a longer stretch", () => {
    fc.assert(
      fc.property(
        slices,
        fc.integer({ min: 900, max: 3000 }),
        fc.nat(2000),
        fc.nat(500),
        (parts, from, length, more) => {
          const timeline = timelineOf(parts)
          const delay = timeline.between(from, from + length)
          expect(delay).toBeGreaterThanOrEqual(0)
          expect(delay).toBeLessThanOrEqual(length + 1e-6)
          expect(timeline.between(from - more, from + length + more)).toBeGreaterThanOrEqual(delay - 1e-6)
        }
      )
    )
  })

  it("knows of no stretch that is worse than its worst", () => {
    fc.assert(
      fc.property(
        slices,
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 900, max: 5000 }),
        (parts, length, from) => {
          const timeline = timelineOf(parts)
          const worst = timeline.worst(length, 0, timeline.endedMs)
          expect(timeline.between(from, from + length)).toBeLessThanOrEqual(worst + 1e-6)
          expect(worst).toBeLessThanOrEqual(length + 1e-6)
        }
      )
    )
  })

  it("has bounded slices, and loses no delay by it", () => {
    fc.assert(
      fc.property(slices, (parts) => {
        const [bounded, whole] = [timelineOf(parts, 8), timelineOf(parts)]
        expect(bounded.slices).toBeLessThanOrEqual(8)
        expect(bounded.endedMs).toBe(whole.endedMs)
        // A wait that reaches far back may find merged slices, whose delay it joins.
        const short = parts.map(([length, waits]) => [length, waits.map((wait) => Math.min(wait, length))] as const)
        const [few, all] = [timelineOf(short, 8), timelineOf(short)]
        expect(few.between(0, few.endedMs)).toBeCloseTo(all.between(0, all.endedMs), 3)
      })
    )
  })
})

describe("HostTime", () => {
  it("has no alignment before the first frame", () => {
    expect(makeHostTime(timelineOf([[25, [10]]]), new GuestClock())).toBeUndefined()
  })

  it("goes by the frame that was read soonest, and by a margin", () => {
    const timeline = timelineOf(Array.from({ length: 200 }, (_, at) => [25, [at === 100 ? 25 : 0]] as const))
    const clock = new GuestClock()
    // Guest time 0 is host time 500; the other frames were read late.
    clock.heard(2e9, 2900)
    clock.heard(3e9, 3500)
    clock.heard(4e9, 4700)
    const host = makeHostTime(timeline, clock)!
    // The delay lies at 3500 to 3525 of the host.
    expect(host.during(2.9e9, 3.1e9)).toBe(25)
    expect(host.during(3.025e9 + alignmentMs * 1e6, 3.5e9)).toBe(0)
    expect(host.during(3.024e9 + alignmentMs * 1e6, 3.5e9)).toBeGreaterThan(0)
    expect(host.during(3e9, 3.01e9)).toBe(10)
  })
})
