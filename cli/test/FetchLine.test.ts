import { describe, expect, it } from "@effect/vitest"
import type { FetchProgress } from "@ktstr/core/kernel"
import type { ReporterStream } from "@ktstr/core/report"
import { Effect } from "effect"
import { fetchLine } from "../src/io/FetchLine.ts"

const steps: ReadonlyArray<FetchProgress> = [
  { stage: "index", detail: "trixie-backports", done: 0, total: undefined },
  { stage: "download", detail: "linux-binary-7.3.deb", done: 0, total: 14 * 2 ** 20 },
  { stage: "download", detail: "linux-binary-7.3.deb", done: 7 * 2 ** 20, total: 14 * 2 ** 20 },
  { stage: "verify", detail: "linux-binary-7.3.deb", done: 0, total: undefined }
]

const shown = (terminal: boolean) =>
  Effect.gen(function* () {
    let text = ""
    const err: ReporterStream = {
      write: (part) =>
        Effect.sync(() => {
          text += part
        }),
      terminal,
      color: false,
      columns: 40
    }
    const line = fetchLine(err)
    for (const step of steps) yield* line.onProgress(step)
    yield* line.clear
    return text
  })

describe("fetchLine", () => {
  it.effect("prints a line for each stage where nobody watches", () =>
    Effect.gen(function* () {
      expect(yield* shown(false)).toBe(
        "reading the index of trixie-backports\ndownloading linux-binary-7.3.deb\nverifying linux-binary-7.3.deb\n"
      )
    })
  )

  it.effect("redraws one line on a terminal, no wider than it, and clears it", () =>
    Effect.gen(function* () {
      const text = yield* shown(true)
      expect(text).not.toContain("\n")
      expect(text.endsWith("\r\u001b[K")).toBe(true)
      for (const line of text.split("\r\u001b[K")) expect(line.length).toBeLessThan(40)
    })
  )
})
