import { describe, expect, it } from "vitest"
import { makeEscapeKeys } from "../src/io/EscapeKeys.ts"

/** What the guest gets of these keys, typed one call at a time, and whether it is killed. */
const type = (...calls: ReadonlyArray<string>) => {
  const keys = makeEscapeKeys()
  const got = calls.map((text) => keys.filter(new TextEncoder().encode(text)))
  return [got.map(({ forGuest }) => new TextDecoder().decode(forGuest)).join("|"), got.some(({ kill }) => kill)]
}

describe("escape keys", () => {
  it("leave everything else as it is", () => {
    expect(type("ls -l\r", "\x03\x1b[A", "ü")).toEqual(["ls -l\r|\x03\x1b[A|ü", false])
  })

  it("kill on Ctrl-] q, in one read or two", () => {
    expect(type("ab\x1dqcd")).toEqual(["ab", true])
    expect(type("\x1d", "Q")).toEqual(["|", true])
  })

  it("send Ctrl-] once when it is typed twice, and with the key after it when that means nothing", () => {
    expect(type("\x1d\x1dq")).toEqual(["\x1dq", false])
    expect(type("\x1d", "x\x1d\x1d")).toEqual(["|\x1dx\x1d", false])
  })
})
