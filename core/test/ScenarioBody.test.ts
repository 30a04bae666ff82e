import { describe, expect, it } from "vitest"
import { executeSteps, HoldSpec, Scenario, ScenarioContext, Step, TestTopology, Topology } from "../src/index.ts"
import { ScenarioError } from "../src/scenario/index.ts"

const topology = Topology.parse("1n1l2c1t")
if (topology._tag === "Left") throw topology.left
const ctx = ScenarioContext.make({
  topo: TestTopology.fromTopology(topology.right),
  durationMs: 1000,
  workersPerCgroup: 2,
  workTypeOverride: undefined,
  scheduler: undefined
})
const step = Step.withDefs([], HoldSpec.FULL)
const build = (give: () => unknown) =>
  Scenario.make({ name: "mine", description: "", build: give as () => ReadonlyArray<Step> }).build(ctx)

describe("what a scenario's function gives", () => {
  it.each([
    ["a list of steps", () => [step]],
    ["a step", () => step],
    ["what executeSteps makes", () => executeSteps(ctx, [step])]
  ])("is %s", (_, give) => {
    expect(build(give)).toEqual(executeSteps(ctx, [step]))
  })

  it.each<readonly [string, () => unknown, RegExp]>([
    ["nothing", () => undefined, /^scenario 'mine' gave undefined: give a list of steps/],
    ["a promise", async () => [step], /gave a promise: /],
    ["a list with null", () => [step, null], /gave null as step 2 of 2/],
    ["a step without hold", () => [{ ops: [] }], /gave an object as step 1 of 1/],
    ["steps that are none", () => ({ steps: 7 }), /gave steps that are a number/],
    ["a word", () => "steady", /gave a string/]
  ])("%s is refused in one line", (_, give, says) => {
    expect(() => build(give)).toThrow(ScenarioError)
    expect(() => build(give)).toThrow(says)
  })

  it.each<readonly [string, unknown, RegExp]>([
    [
      "an error",
      new TypeError("x is not a function"),
      /^scenario 'mine' could not be built: TypeError: x is not a function/
    ],
    ["a string", "boom", /threw 'boom'/],
    ["nothing", undefined, /threw undefined/]
  ])("%s that it throws is told as its own", (_, thrown, says) => {
    const throws = () => {
      throw thrown
    }
    expect(() => build(throws)).toThrow(ScenarioError)
    expect(() => build(throws)).toThrow(says)
  })
})
