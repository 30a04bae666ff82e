import { describe, expect, it } from "@effect/vitest"
import { Topology } from "@ktstr/core"
import { scheduleHash, switchesOf } from "@ktstr/core/run"
import { defaultRing, deterministicRing } from "@ktstr/core/session"
import { Effect } from "effect"
import { makeEventHash } from "../src/protocol/EventHash.ts"

describe("switchesOf", () => {
  it("takes the last number of each CPU's line", () => {
    const text = "version 17\ntimestamp 4294\ncpu0 0 0 0 0 0 0 51 7 120\ndomain0 MC 3 1 2\ncpu1 0 0 0 0 0 0 9 8 33\n"
    expect(switchesOf(text)).toEqual([120, 33])
    expect(switchesOf("")).toEqual([])
  })
})

describe("scheduleHash", () => {
  it.effect("tells switches apart, and nothing else of the counters", () =>
    Effect.gen(function* () {
      const of = (text: string) => scheduleHash(text, [])
      const one = yield* of("cpu0 0 0 1 2 3 4 5 6 120\n")
      expect(yield* of("cpu0 0 0 1 2 3 4 50 60 120\n")).toBe(one)
      expect(yield* of("cpu0 0 0 1 2 3 4 5 6 121\n")).not.toBe(one)
    })
  )
})

describe("makeEventHash", () => {
  const frame = (seq: number, text: string) => ({
    offset: 0,
    type: 0x8003,
    seq,
    payload: new TextEncoder().encode(text)
  })

  it("depends on every frame and on their order, not on where they lay in the stream", () => {
    const of = (...texts: ReadonlyArray<string>) => {
      const hash = makeEventHash()
      for (const [seq, text] of texts.entries()) hash.add({ ...frame(seq, text), offset: 1000 * Math.random() })
      return hash.digest()
    }
    expect(of("ab", "c")).toBe(of("ab", "c"))
    expect(of("ab", "c")).not.toBe(of("a", "bc"))
    expect(of("ab", "c")).not.toBe(of("c", "ab"))
    expect(of()).toMatch(/^[0-9a-f]{64}$/)
  })
})

describe("deterministicRing", () => {
  const topology = (numaNodes: number) =>
    Topology.unsafeMake({ numaNodes, llcs: numaNodes, coresPerLlc: 1, threadsPerCore: 1 })

  it("is large where the first node has room for it", () => {
    expect(deterministicRing(topology(1), 2048)).toEqual({ address: defaultRing.address, size: 256 * 1024 * 1024 })
    expect(deterministicRing(topology(4), 2048)).toEqual(defaultRing)
    expect(deterministicRing(topology(1), 512)).toEqual(defaultRing)
  })
})
