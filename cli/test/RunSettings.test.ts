import { Assert } from "@ktstr/core"
import { Either } from "effect"
import { describe, expect, it } from "vitest"
import { type RunOptions, runSettings } from "../src/parse/RunSettings.ts"

const nothing: RunOptions = {
  duration: undefined,
  workers: undefined,
  memory: undefined,
  "work-type": undefined,
  watchdog: undefined,
  "max-gap-ms": undefined,
  "max-spread-pct": undefined,
  isolation: false,
  relaxed: false,
  kargs: []
}

describe("runSettings", () => {
  it("has five seconds and two workers where nothing is given", () => {
    expect(Either.getOrThrow(runSettings(nothing))).toEqual({
      durationMs: 5000,
      workersPerCgroup: 2,
      memoryMb: undefined,
      workTypeOverride: undefined,
      assert: {},
      watchdogMs: undefined,
      kargs: []
    })
  })

  it("puts single checks above the relaxed profile, and cuts kernel arguments into words", () => {
    const options = {
      ...nothing,
      relaxed: true,
      "max-gap-ms": "7",
      watchdog: "0.5",
      kargs: ["quiet  nohz=off", ' a dyndbg="file  x +p" b="c"d ']
    }
    const settings = Either.getOrThrow(runSettings(options))
    expect(settings.assert).toEqual({ ...Assert.relaxed, maxGapMs: 7 })
    expect(settings.watchdogMs).toBe(500)
    expect(settings.kargs).toEqual(["quiet", "nohz=off", "a", 'dyndbg="file  x +p"', 'b="c"d'])
  })

  it("switches the spread off by a limit that no spread exceeds", () => {
    const pct = (text: string) => Either.getOrThrow(runSettings({ ...nothing, "max-spread-pct": text })).assert
    expect([pct("100"), pct("250"), pct("99")]).toEqual([
      { maxSpreadPct: false },
      { maxSpreadPct: false },
      { maxSpreadPct: 99 }
    ])
  })

  it.each([
    [{ workers: "0" }, "--workers must be a whole number from 1 to 4096, got '0'"],
    [{ memory: "much" }, "--memory must be a whole number from 1 to 4194304, got 'much'"],
    [{ watchdog: "-1" }, "--watchdog must be a number not below 0, got '-1'"],
    [{ kargs: ["quiet", 'a="b c'] }, `--kargs 'a="b c' has a quote that nothing closes; add the other`],
    [{ "max-spread-pct": "x" }, "--max-spread-pct must be a number not below 0, got 'x'"]
  ])("names what is wrong: %o", (wrong, message) => {
    expect(Either.flip(runSettings({ ...nothing, ...wrong }))).toEqual(
      Either.right(expect.objectContaining({ message }))
    )
  })
})
