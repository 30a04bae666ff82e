/**
 * The registry of scenarios that run by name: the canned ones and those of plugins.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer } from "effect"
import {
  makeRegistry,
  type OptionError,
  type RegisterError,
  type Registrable,
  RegistrationError,
  type Registry,
  registering
} from "../base/index.ts"
import { CannedScenarios, UnknownScenario } from "./CannedScenarios.ts"
import { Scenario } from "./Scenario.ts"

/**
 * The scenarios that are known by name, the canned ones first.
 *
 * @since 0.1.0
 * @category services
 */
export class Scenarios extends Context.Tag("@ktstr/core/Scenarios")<
  Scenarios,
  Registry<Scenario, UnknownScenario> & {
    /** All whose names match, in the order of registration: a name, or a pattern in which `*` and `?` stand for any text and any one character. */
    readonly matching: (pattern: string) => Effect.Effect<ReadonlyArray<Scenario>, UnknownScenario>
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

/** A name can't be taken for a pattern. One that was written as a plain object is checked like those of `Scenario.make`. */
const accept = (scenario: Scenario): Effect.Effect<Scenario, RegistrationError> => {
  const { name } = scenario
  const message = `scenario '${name}': a name has no blanks around it, no * and no ?`
  return name.trim() !== name || name === "" || isPattern(name)
    ? new RegistrationError({ message })
    : Effect.try({
        try: () => Scenario.make(scenario),
        catch: (error) => new RegistrationError({ message: (error as OptionError).message })
      })
}

/**
 * Makes a registry with the canned scenarios.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeScenarios: Effect.Effect<Context.Tag.Service<Scenarios>> = Effect.map(
  makeRegistry<Scenario, UnknownScenario>({
    what: registrable,
    builtin: CannedScenarios.all,
    accept,
    unknown: (name, hint) => new UnknownScenario({ name, message: `unknown scenario '${name}'${hint}` })
  }),
  (registry) => ({
    ...registry,
    matching: Effect.fn("Scenarios.matching")(function* (pattern: string) {
      if (!isPattern(pattern)) return [yield* registry.get(pattern)]
      const expression = patternOf(pattern)
      const found = (yield* registry.list).filter((scenario) => expression.test(scenario.name))
      if (found.length > 0) return found
      const message = `no scenario matches '${pattern}'; see: ktstr list scenarios`
      return yield* new UnknownScenario({ name: pattern, message })
    })
  })
)

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
export const registerScenarios = (scenarios: ReadonlyArray<Scenario>): Layer.Layer<never, RegisterError, Scenarios> =>
  registering(Scenarios, registrable, scenarios)
