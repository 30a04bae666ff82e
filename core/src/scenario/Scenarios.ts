/**
 * The registry of scenarios that run by name: the canned ones and those of plugins.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer } from "effect"
import { checkRegistration, type Registrable, type RegistrationError, registerEach, suggestion } from "../base/index.ts"
import { DuplicateName } from "../work/index.ts"
import { CannedScenarios, UnknownScenario } from "./CannedScenarios.ts"
import { Scenario } from "./Scenario.ts"

/**
 * The registered scenarios.
 *
 * @since 0.1.0
 * @category services
 */
export class Scenarios extends Context.Tag("@ktstr/core/Scenarios")<
  Scenarios,
  {
    readonly register: (scenario: Scenario) => Effect.Effect<void, DuplicateName | RegistrationError>
    /** Returns a scenario by its full name; the error for an unknown name suggests the nearest. */
    readonly get: (name: string) => Effect.Effect<Scenario, UnknownScenario>
    /**
     * Returns all scenarios whose names match, in order of registration. The pattern is a name in which `*` stands for any text and `?` for any one
     * character.
     */
    readonly matching: (pattern: string) => Effect.Effect<ReadonlyArray<Scenario>, UnknownScenario>
    /** All scenarios in order of registration, the canned ones first. */
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
 * Makes a registry with the canned scenarios.
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
      // A scenario written as a plain object gets the same checks as others.
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
 * Provides a registry with the canned scenarios; plugins' layers add theirs: `Layer.provideMerge(pluginLayer, layerScenarios)`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerScenarios: Layer.Layer<Scenarios> = Layer.effect(Scenarios, makeScenarios)

/**
 * Returns a layer that registers scenarios, in order.
 *
 * @since 0.1.0
 * @category layers
 */
export const registerScenarios = (
  scenarios: ReadonlyArray<Scenario>
): Layer.Layer<never, DuplicateName | RegistrationError, Scenarios> =>
  Layer.effectDiscard(Effect.flatMap(Scenarios, (registry) => registerEach(scenarios, registrable, registry.register)))
