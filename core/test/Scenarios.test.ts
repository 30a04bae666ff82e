import { expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { CannedScenarios, executeDefs, registerScenarios, Scenario } from "../src/index.ts"
import { layerScenarios, Scenarios } from "../src/scenario/index.ts"

const own = (name: string): Scenario =>
  Scenario.make({ name, category: "mine", description: "nothing", build: (ctx) => executeDefs(ctx, []) })

const names = (found: ReadonlyArray<Scenario>): ReadonlyArray<string> => found.map((scenario) => scenario.name)

const registry = Layer.provideMerge(registerScenarios([own("mine/a"), own("mine/b+c"), own("other")]), layerScenarios)

it.layer(registry)("Scenarios", (it) => {
  it.effect("has the canned ones first, then what was registered", () =>
    Effect.gen(function* () {
      const all = yield* Effect.flatMap(Scenarios, (scenarios) => scenarios.list)
      expect(names(all)).toEqual([...names(CannedScenarios.all), "mine/a", "mine/b+c", "other"])
      expect(all.find((scenario) => scenario.name === "steady")?.category).toBe("canned")
    })
  )

  it.effect("matches names and patterns, nothing but * and ? being special", () =>
    Effect.gen(function* () {
      const { matching } = yield* Scenarios
      expect(names(yield* matching("mine/*"))).toEqual(["mine/a", "mine/b+c"])
      expect(names(yield* matching("mine/?"))).toEqual(["mine/a"])
      expect(names(yield* matching("*b+c"))).toEqual(["mine/b+c"])
      expect(names(yield* matching("other"))).toEqual(["other"])
      expect((yield* Effect.flip(matching("mine.*"))).message).toBe(
        "no scenario matches 'mine.*'; see: ktstr list scenarios"
      )
      expect((yield* Effect.flip(matching("mine/aa"))).message).toBe(
        "unknown scenario 'mine/aa'; did you mean 'mine/a'?"
      )
    })
  )

  it.effect("refuses a name that is taken, and one that would be a pattern", () =>
    Effect.gen(function* () {
      const { register } = yield* Scenarios
      expect((yield* Effect.flip(register(own("steady")))).message).toMatch(/'steady': there is one of that name/)
      expect((yield* Effect.flip(register(own("mine/*")))).message).toMatch(/no \* and no \?/)
    })
  )
})
