import { NodeContext } from "@effect/platform-node"
import { ExitCode } from "@ktstr/core"
import { Checks } from "@ktstr/core/check"
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { list } from "../src/commands/List.ts"

const listed = async (kind: string, json: boolean): Promise<string> => {
  let text = ""
  const out = {
    write: (part: string) =>
      Effect.sync(() => {
        text += part
      })
  }
  const invocation = { command: "list", args: [kind], values: { json, help: false }, rest: [] } as never
  const code = await Effect.runPromise(list(invocation, { out } as never).pipe(Effect.provide(NodeContext.layer)))
  expect(code).toBe(ExitCode.pass)
  return text
}

describe("ktstr list checks", () => {
  it("has every check, and says which of them nothing judges", async () => {
    const lines = (await listed("checks", false)).split("\n")
    for (const { name } of Checks.all) {
      const line = lines.find((each) => each.startsWith(`${name} `))
      expect(line, name).toBeDefined()
      expect(line?.includes("nothing yet"), name).toBe(!Checks.isJudged(name))
    }
  })

  it("has defaults by clock in JSON", async () => {
    const checks: ReadonlyArray<Record<string, unknown>> = JSON.parse(await listed("checks", true))
    expect(checks.map(({ name }) => name)).toEqual(Checks.all.map(({ name }) => name))
    expect(checks.find(({ name }) => name === "maxGapMs")).toMatchObject({
      judged: true,
      defaults: { kvm: 2000, "qemu-kvm": 2000, emulated: 3000, deterministic: 2000, host: 2000 }
    })
    expect(checks.find(({ name }) => name === "failOnStall")).toMatchObject({ judged: false, defaults: { kvm: true } })
    expect(checks.find(({ name }) => name === "isolation")).toMatchObject({ judged: true, defaults: { kvm: false } })
  })
})
