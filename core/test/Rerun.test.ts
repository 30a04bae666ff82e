import { execFileSync } from "node:child_process"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { changedScheduler, rerunCommand, shellLine, shellWord } from "../src/run/Rerun.ts"

describe("shellLine", () => {
  it("leaves plain words alone and quotes the others", () => {
    expect(shellLine(["ktstr", "run", "cpuset/apply", "--sched-args", "--slice 5000", "it's", ""])).toBe(
      "ktstr run cpuset/apply --sched-args '--slice 5000' 'it'\\''s' ''"
    )
    expect(shellLine(["ktstr"], { KTSTR_SCHEDULER: "/a b/scx" })).toBe("KTSTR_SCHEDULER='/a b/scx' ktstr")
    expect(shellWord("A=b")).toBe("'A=b'")
  })

  it("gives a shell back every word", () => {
    const word = fc.string({ unit: "grapheme-ascii" }).filter((text) => !text.includes("\0"))
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
        const out = execFileSync("sh", ["-c", `printf '%s\\0' ${shellLine(words)}`], { encoding: "utf8" })
        expect(out.split("\0").slice(0, -1)).toEqual(words)
      }),
      { numRuns: 60 }
    )
  })
})

describe("rerunCommand", () => {
  it("names the scheduler's hash, and comes before what is handed on", () => {
    const request = { words: ["ktstr", "test", "a.ktstr.ts"], rest: ["--retry", "0"] }
    expect(rerunCommand(request, "0123456789abcdef0123")).toBe(
      "ktstr test a.ktstr.ts --scheduler-hash 0123456789abcdef -- --retry 0"
    )
    expect(rerunCommand({ words: request.words }, null)).toBe("ktstr test a.ktstr.ts")
  })
})

describe("changedScheduler", () => {
  it("takes the beginning of a hash, and says in one line what was and is", () => {
    expect(changedScheduler("/scx", "0123456789ABCDEF", "0123456789abcdef0123")).toBeUndefined()
    expect(changedScheduler("/scx", "0123456789abcdef", "fedcba98765432100000")).toBe(
      "the scheduler has changed since: /scx is fedcba9876543210 now, was 0123456789abcdef (SHA-256)"
    )
  })
})
