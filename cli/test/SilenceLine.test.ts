import { describe, expect, it } from "@effect/vitest"
import type { ReporterStream } from "@ktstr/core/report"
import { Effect, TestClock } from "effect"
import { breakingSilence } from "../src/io/SilenceLine.ts"

const listen = (terminal: boolean) => {
  const lines: Array<string> = []
  const err: ReporterStream = {
    write: (text) => Effect.sync(() => void lines.push(text)),
    terminal,
    color: false,
    columns: 80
  }
  return { err, lines }
}

describe("breakingSilence", () => {
  it.scoped("adds a line after ten seconds of silence, and then every ten seconds", () =>
    Effect.gen(function* () {
      const { err, lines } = listen(false)
      const write = yield* breakingSilence(err, (now) => `${now} ms`)
      yield* TestClock.adjust("9 seconds")
      expect(lines).toEqual([])
      yield* write("seed 1: pass")
      yield* TestClock.adjust("9900 millis")
      expect(lines).toEqual(["seed 1: pass\n"])
      yield* TestClock.adjust("100 millis")
      expect(lines).toEqual(["seed 1: pass\n", "19000 ms\n"])
      yield* TestClock.adjust("20 seconds")
      expect(lines.slice(2)).toEqual(["29000 ms\n", "39000 ms\n"])
    })
  )

  it.scoped("adds nothing if there is nothing to say, and goes on", () =>
    Effect.gen(function* () {
      const { err, lines } = listen(false)
      let text: string | undefined
      yield* breakingSilence(err, () => text)
      yield* TestClock.adjust("30 seconds")
      expect(lines).toEqual([])
      text = "seed 2 runs"
      yield* TestClock.adjust("10 seconds")
      expect(lines).toEqual(["seed 2 runs\n"])
    })
  )

  it.scoped("adds nothing on a terminal", () =>
    Effect.gen(function* () {
      const { err, lines } = listen(true)
      const write = yield* breakingSilence(err, () => "seed 1 runs")
      yield* TestClock.adjust("60 seconds")
      yield* write("seed 1: pass")
      expect(lines).toEqual(["seed 1: pass\n"])
    })
  )

  it.effect("ends with its scope", () =>
    Effect.gen(function* () {
      const { err, lines } = listen(false)
      yield* Effect.scoped(breakingSilence(err, () => "seed 1 runs"))
      yield* TestClock.adjust("60 seconds")
      expect(lines).toEqual([])
    })
  )
})
