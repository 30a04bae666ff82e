/**
 * The registry of scenarios that are run by name: the canned ones and what plugins add.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer } from "effect"
import { checkRegistration, type Registrable, type RegistrationError, registerEach, suggestion } from "../base/index.ts"
import { DuplicateName } from "../work/index.ts"
import { CannedScenarios, UnknownScenario } from "./CannedScenarios.ts"
import { Scenario } from "./Scenario.ts"

/**
 * @since 0.1.0
 * @category services
 */
export class Scenarios extends Context.Tag("@ktstr/core/Scenarios")<
  Scenarios,
  {
    readonly register: (scenario: Scenario) => Effect.Effect<void, DuplicateName | RegistrationError>
    /** By its whole name; an unknown name's error suggests the nearest. */
    readonly get: (name: string) => Effect.Effect<Scenario, UnknownScenario>
    /** All whose names match, in the order of registration: a name, or a pattern in which `*` and `?` stand for any text and any one character. */
    readonly matching: (pattern: string) => Effect.Effect<ReadonlyArray<Scenario>, UnknownScenario>
    /** In the order of registration, the canned ones first. */
    readonly list: Effect.Effect<ReadonlyArray<Scenario>>
  }
>() {}

const registrable: Registrable = {
  kind: "scenario",
  maker: "Scenario.make",
  fields: { name: "string", description: "string", build: "function", category: "string?", needs: "object?" }
}

const isPattern = (text: string): boolean => /[*?]/.test(text)

const patternOf = (text: string): RegExp => {
  const parts = [...text].map((char) =>
    char === "*" ? ".*" : char === "?" ? "." : char.replace(/[\\^$.|+()[\]{}]/, "\\$&")
  )
  return new RegExp(`^${parts.join("")}$`, "s")
}

/**
 * A registry with the canned scenarios.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeScenarios: Effect.Effect<Context.Tag.Service<Scenarios>> = Effect.sync(() => {
  const known = new Map(CannedScenarios.all.map((scenario) => [scenario.name, scenario]))
  const get = Effect.fn("Scenarios.get")(function* (name: string) {
    const found = known.get(name)
    if (found !== undefined) return found
    const message = `unknown scenario '${name}'${suggestion(name, known.keys())}`
    return yield* new UnknownScenario({ name, message })
  })
  return {
    register: Effect.fn("Scenarios.register")(function* (scenario: Scenario) {
      yield* checkRegistration(scenario, registrable)
      const { name } = scenario
      if (known.has(name)) {
        const message = `scenario '${name}': there is one of that name already; choose another`
        return yield* new DuplicateName({ name, message })
      }
      if (name.trim() !== name || name === "" || isPattern(name)) {
        const message = `scenario '${name}': a name has no blanks around it, no * and no ?`
        return yield* new DuplicateName({ name, message })
      }
      // One that was written as a plain object is checked like others.
      known.set(name, Scenario.make(scenario))
    }),
    get,
    matching: Effect.fn("Scenarios.matching")(function* (pattern: string) {
      if (!isPattern(pattern)) return [yield* get(pattern)]
      const expression = patternOf(pattern)
      const found = [...known.values()].filter((scenario) => expression.test(scenario.name))
      if (found.length > 0) return found
      const message = `no scenario matches '${pattern}'; see: ktstr list scenarios`
      return yield* new UnknownScenario({ name: pattern, message })
    }),
    list: Effect.sync(() => [...known.values()])
  }
})

/**
 * A registry with the canned scenarios; plugins' layers add theirs: `Layer.provideMerge(pluginLayer, layerScenarios)`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerScenarios: Layer.Layer<Scenarios> = Layer.effect(Scenarios, makeScenarios)

/**
 * A layer that registers scenarios, in order.
 *
 * @since 0.1.0
 * @category layers
 */
export const registerScenarios = (
  scenarios: ReadonlyArray<Scenario>
): Layer.Layer<never, DuplicateName | RegistrationError, Scenarios> =>
  Layer.effectDiscard(Effect.flatMap(Scenarios, (registry) => registerEach(scenarios, registrable, registry.register)))
