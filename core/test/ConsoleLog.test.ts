import { expect, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Stream } from "effect"
import * as fc from "fast-check"
import { describe } from "vitest"
import { ConsoleLog, LineSplitter } from "../src/machine/ConsoleLog.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe("LineSplitter", () => {
  it("gives the same lines however the bytes are cut", () => {
    const text = fc.array(fc.constantFrom("a", "ü", "\n", "\r\n", "€", " ", "😀")).map((parts) => parts.join(""))
    fc.assert(
      fc.property(text, fc.array(fc.nat(20)), (whole, cuts) => {
        const splitter = new LineSplitter()
        const lines: Array<string> = []
        let rest = bytes(whole)
        for (const cut of cuts) {
          lines.push(...splitter.push(rest.subarray(0, cut)))
          rest = rest.subarray(cut)
        }
        lines.push(...splitter.push(rest), ...splitter.end())
        const expected = whole.split("\n").map((line) => line.replace(/\r+$/, ""))
        if (expected.at(-1) === "") expected.pop()
        expect(lines).toEqual(expected)
      })
    )
  })

  it("cuts a line without an end and survives malformed bytes", () => {
    const splitter = new LineSplitter()
    const lines = splitter.push(bytes("x".repeat(150_000)))
    expect(lines.map((line) => line.length)).toEqual([65536, 65536])
    expect(splitter.push(Uint8Array.of(0xff, 0x0a))).toEqual([`${"x".repeat(150_000 - 131072)}\ufffd`])
    expect(splitter.end()).toEqual([])
  })
})

describe("ConsoleLog", () => {
  it.effect("replays to a late reader and follows to the end", () =>
    Effect.gen(function* () {
      const log = new ConsoleLog()
      log.push(bytes("one\ntwo\n"))
      const reader = yield* Effect.fork(Stream.runCollect(log.stream))
      yield* Effect.yieldNow()
      log.push(bytes("thr"))
      log.push(bytes("ee\nfo"))
      yield* Effect.yieldNow()
      log.end()
      expect(Chunk.toArray(yield* Fiber.join(reader))).toEqual(["one", "two", "three", "fo"])
      expect(Chunk.toArray(yield* Stream.runCollect(log.stream))).toEqual(["one", "two", "three", "fo"])
      expect(log.tail(2)).toEqual(["three", "fo"])
      expect(log.tail(0)).toEqual([])
      expect(log.tail(Number.POSITIVE_INFINITY)).toHaveLength(4)
    })
  )

  it.effect("writes out what a terminal would obey, for every reader", () =>
    Effect.gen(function* () {
      const log = new ConsoleLog()
      const shown = "a\\x1b[2J\tb\\x0dc\\x9b31m"
      expect(log.push(bytes("a\u001b[2J\tb\rc\u009b31m\r\n"))).toEqual([shown])
      log.push(bytes("\u0007"))
      expect(log.end()).toEqual(["\\x07"])
      expect(log.tail(2)).toEqual([shown, "\\x07"])
      expect(Chunk.toArray(yield* Stream.runCollect(log.stream))).toEqual([shown, "\\x07"])
    })
  )

  it.effect("forgets the oldest of an endless log, not the newest", () =>
    Effect.gen(function* () {
      const log = new ConsoleLog()
      const block = bytes(`${"y".repeat(1023)}\n`.repeat(8192))
      for (let i = 0; i < 10; i++) log.push(block)
      log.push(bytes("last\n"))
      log.end()
      const kept = Chunk.toArray(yield* Stream.runCollect(log.stream))
      expect(kept.at(-1)).toBe("last")
      expect(kept.length).toBeGreaterThan(30_000)
      expect(kept.length).toBeLessThan(81_921)
    })
  )
})
