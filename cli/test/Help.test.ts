import { describe, expect, it } from "vitest"
import { type CommandName, commands } from "../src/parse/CommandTable.ts"
import { helpFor } from "../src/parse/Help.ts"

describe("helpFor", () => {
  const names = Object.keys(commands) as ReadonlyArray<CommandName>

  it.each(names)("ktstr %s --help fits a screen, with an example and every option", (name) => {
    const text = helpFor([...name.split(" "), "--help"], "1.2.3")!
    const lines = text.split("\n")
    expect(lines.length).toBeLessThanOrEqual(40)
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(80)
    expect(text).toMatch(/Examples?:\n {2}ktstr /)
    for (const option of Object.keys(commands[name].options)) expect(text).toContain(`--${option}`)
  })

  it("lists every command at the top", () => {
    for (const argv of [["--help"], ["-h"], ["help"]]) {
      const text = helpFor(argv, "1.2.3")!
      for (const name of names) expect(text).toContain(`  ${name} `)
    }
  })

  it("knows groups, versions, and when help was not asked", () => {
    expect(helpFor(["kernel", "--help"], "1.2.3")).toContain("ktstr kernel fetch")
    expect(helpFor(["help", "run"], "1.2.3")).toBe(helpFor(["run", "-h"], "1.2.3"))
    expect(helpFor(["--version"], "1.2.3")).toBe("1.2.3\n")
    expect(helpFor(["run", "steady"], "1.2.3")).toBeUndefined()
    expect(helpFor(["test", "--", "--help"], "1.2.3")).toBeUndefined()
    expect(helpFor(["rnu", "--help"], "1.2.3")).toBeUndefined()
  })
})
