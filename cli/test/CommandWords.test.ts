import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { parse } from "../src/parse/Arguments.ts"
import { splitWords } from "../src/parse/CommandWords.ts"
import { helpFor } from "../src/parse/Help.ts"

describe("a command for the guest", () => {
  it.effect("begins at the first word that is no option, and keeps its own options", () =>
    Effect.gen(function* () {
      expect(
        yield* parse(["exec", "-t", "1n1l1c1t", "--dmesg", "-i", "a", "-i=b", "ls", "-t", "--json", "--", "x"])
      ).toMatchObject({
        values: { topology: "1n1l1c1t", dmesg: true, "include-files": ["a", "b"] },
        args: [],
        rest: ["ls", "-t", "--json", "--", "x"]
      })
    })
  )

  it.effect("may begin with a dash after --", () =>
    Effect.gen(function* () {
      expect(yield* parse(["exec", "--dmesg", "--", "-strange", "--"])).toMatchObject({
        values: { dmesg: true },
        rest: ["-strange", "--"]
      })
    })
  )

  it("may be absent", () => {
    expect(splitWords(["exec", "--topology"])).toEqual({ own: ["exec", "--topology"], rest: [] })
    expect(splitWords(["exec"])).toEqual({ own: ["exec"], rest: [] })
  })

  it("has its own help", () => {
    expect(helpFor(["exec", "ls", "--help"], "1")).toBeUndefined()
    expect(helpFor(["exec", "-t", "x", "ls", "-h"], "1")).toBeUndefined()
    expect(helpFor(["exec", "--help"], "1")).toContain("Usage: ktstr exec [OPTIONS] COMMAND [ARGS…]")
    expect(helpFor(["exec", "-i", "x", "-h", "ls"], "1")).toContain("Usage: ktstr exec")
  })
})
