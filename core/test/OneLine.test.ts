import { describe, expect, it } from "vitest"
import { oneLine } from "../src/base/OneLine.ts"

describe("oneLine", () => {
  it.each([
    ["", ""],
    ["one", "one"],
    ["\n  one  \n\n", "one"],
    [
      'Build failed with 1 error:\nktstr.config.ts:3:4: ERROR: Unexpected "}"',
      'Build failed with 1 error: ktstr.config.ts:3:4: ERROR: Unexpected "}"'
    ],
    ["tar: not gzip\r\ntar: giving up", "tar: not gzip; tar: giving up"]
  ])("%j becomes %j", (text, line) => expect(oneLine(text)).toBe(line))

  it("is bounded", () => {
    expect(oneLine("word ".repeat(1000))).toHaveLength(400)
    expect(oneLine("word ".repeat(1000))).toMatch(/…$/)
  })
})
