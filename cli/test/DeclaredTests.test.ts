import { Either } from "effect"
import { describe, expect, it } from "vitest"
import { chooseTest, type DeclaredTest, describeTest } from "../src/choose/DeclaredTests.ts"

const tests: ReadonlyArray<DeclaredTest> = [
  { file: "a.ktstr.ts", name: "ktstr/pins workers" },
  { file: "a.ktstr.ts", name: "ktstr/moves" },
  { file: "sub/b.ktstr.ts", name: "a suite > ktstr/moves" },
  { file: "sub/b.ktstr.ts", name: "a suite > ktstr/moves back" }
]

const chosen = (wanted: string, others: ReadonlyArray<string> = []): string =>
  Either.match(chooseTest(wanted, tests, others), { onLeft: ({ message }) => message, onRight: describeTest })

describe("a test by name", () => {
  it.each([
    ["pins workers", "a.ktstr.ts > pins workers"],
    ["ktstr/pins workers", "a.ktstr.ts > pins workers"],
    // A part of one name only.
    ["pins", "a.ktstr.ts > pins workers"],
    ["moves back", "sub/b.ktstr.ts > a suite > moves back"],
    ["a suite > moves", "sub/b.ktstr.ts > a suite > moves"],
    ["a.ktstr.ts > moves", "a.ktstr.ts > moves"],
    ["./a.ktstr.ts > ktstr/moves", "a.ktstr.ts > moves"],
    // The whole name outweighs the longer one that has it.
    ["b.ktstr.ts > moves", "sub/b.ktstr.ts > a suite > moves"]
  ])("%s is %s", (wanted, found) => expect(chosen(wanted)).toBe(found))

  it("names all when there are several", () =>
    expect(chosen("moves")).toBe(
      "2 tests are called 'moves': 'a.ktstr.ts > moves', 'sub/b.ktstr.ts > a suite > moves'; name one"
    ))

  it("names the nearest of tests and scenarios when there is none", () => {
    expect(chosen("pins wokers")).toBe("no scenario and no test is called 'pins wokers'; did you mean 'pins workers'?")
    expect(chosen("stedy", ["steady"])).toBe("no scenario and no test is called 'stedy'; did you mean 'steady'?")
    expect(chosen("a.ktstr.ts > mves", ["mve"])).toBe("no test of a.ktstr.ts is called 'mves'; did you mean 'moves'?")
    expect(chosen("c.ktstr.ts > moves")).toBe("no test of c.ktstr.ts is called 'moves'")
  })
})
