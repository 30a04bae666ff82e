import { describe, expect, it } from "vitest"
import { exitCodeOfError, exitCodeOfResults, KernelError, TopologyError, VmmError } from "../src/index.ts"

describe("exitCodeOfResults", () => {
  it.each([
    [[], 0],
    [["pass", "skip"], 0],
    [["pass", "inconclusive", "skip"], 2],
    [["inconclusive", "fail", "pass"], 1]
  ] as const)("%j → %i", (outcomes, code) => {
    expect(exitCodeOfResults(outcomes.map((outcome) => ({ outcome })))).toBe(code)
  })
})

describe("exitCodeOfError", () => {
  it("separates what the user named from what is missing and what broke", () => {
    expect(exitCodeOfError(new TopologyError({ text: "x", message: "x" }))).toBe(64)
    expect(exitCodeOfError(new KernelError({ reason: "Named", message: "x" }))).toBe(64)
    expect(exitCodeOfError(new KernelError({ reason: "NotFound", message: "x" }))).toBe(69)
    expect(exitCodeOfError(new VmmError({ reason: "BackendMissing", message: "x" }))).toBe(69)
    expect(exitCodeOfError(new VmmError({ reason: "BootFailed", message: "x" }))).toBe(1)
  })

  it("is internal for everything else", () => {
    for (const error of [undefined, null, 7, "x", new Error("x"), { _tag: "Nonsense" }, { _tag: "VmmError" }]) {
      expect(exitCodeOfError(error)).toBe(70)
    }
  })
})
