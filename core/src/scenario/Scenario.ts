/**
 * Scenarios: what happens in the guest, and what it is judged by.
 *
 * @since 0.1.0
 */
import { Data } from "effect"
import { describeFault, type OptionNames, refuseUnknown, unknownOption } from "../base/index.ts"
import { Assert } from "../check/index.ts"
import type { TestTopology } from "../topology/index.ts"
import { Backdrop } from "./Backdrop.ts"
import type { CgroupDef } from "./CgroupDef.ts"
import type { ScenarioContext } from "./Context.ts"
import { HoldSpec } from "./HoldSpec.ts"
import type { ScenarioProgram } from "./Program.ts"
import { Step } from "./Step.ts"

/**
 * The steps of a scenario for a given machine.
 *
 * @since 0.1.0
 * @category models
 */
export interface ScenarioSteps {
  readonly steps: ReadonlyArray<Step>
  readonly backdrop: Backdrop
  /** The scenario's own layer of checks: above the clock's and the scheduler's, below the test's. */
  readonly assert: Assert
  /** Whether its steps take CPUs offline or online on purpose: see `Scenario`. Default: false. */
  readonly cpuHotplug?: boolean | undefined
}

/**
 * Minimum requirements for a machine; unset: 1.
 *
 * @since 0.1.0
 * @category models
 */
export interface ScenarioNeeds {
  readonly llcs?: number | undefined
  readonly cpus?: number | undefined
  readonly numaNodes?: number | undefined
}

/**
 * A named scenario, which can be built for any machine that meets its needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Scenario {
  readonly name: string
  /** Heading under which it is listed. */
  readonly category: string
  /** One line. */
  readonly description: string
  /** If the machine does not meet these needs, the scenario is skipped with the reason. */
  readonly needs: ScenarioNeeds
  /**
   * Whether it takes CPUs offline or online on purpose. Any other run is inconclusive if the machine lacks the requested CPUs, caches or NUMA nodes
   * at any time. Default: false.
   */
  readonly cpuHotplug?: boolean | undefined
  /** Builds steps, which are compiled to a plan and run without the host, or a program made by `executeProgram`. Throws only ScenarioError. */
  readonly build: (ctx: ScenarioContext) => ScenarioSteps | ScenarioProgram
}

/**
 * What a scenario's function may return; steps alone have no backdrop.
 *
 * @since 0.2.0
 * @category models
 */
export type ScenarioBody = ScenarioSteps | ScenarioProgram | ReadonlyArray<Step> | Step

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/**
 * A scenario could not be built: its function threw, or returned something that is not a scenario. `build` throws it.
 *
 * @since 0.2.0
 * @category errors
 */
export class ScenarioError extends Data.TaggedError("ScenarioError")<{ readonly message: string }> {}

/**
 * Returns whether an error is a ScenarioError. Checks its tag, because a user's configuration may have another copy of this package.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isScenarioError = (error: unknown): error is ScenarioError =>
  isObject(error) && error._tag === "ScenarioError"

/** Returns whether a value is a step. Checks its shape, because a user's configuration may have another copy of this package. */
const isStep = (value: unknown): value is Step => isObject(value) && Array.isArray(value.ops) && isObject(value.hold)

const nameOf = (value: unknown): string => {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return "a list"
  if (isObject(value)) return "then" in value ? "a promise" : "an object"
  return `a ${typeof value}`
}

const stepsNames: OptionNames<ScenarioSteps> = { steps: true, backdrop: true, assert: true, cpuHotplug: true }

const scenarioNames: OptionNames<Scenario> = {
  name: true,
  category: true,
  description: true,
  needs: true,
  cpuHotplug: true,
  build: true
}

const needsNames: OptionNames<ScenarioNeeds> = { llcs: true, cpus: true, numaNodes: true }

const forms = "give a list of steps, or what executeSteps, executeDefs or executeProgram makes"

/**
 * Converts what a scenario's function returned to one form. Throws a {@link ScenarioError} whose message begins with `whose`.
 *
 * @since 0.2.0
 * @category conversions
 */
export const scenarioBody = (ctx: ScenarioContext, data: unknown, whose: string): ScenarioSteps | ScenarioProgram => {
  const bad = (what: string) => new ScenarioError({ message: `${whose} ${what}` })
  if (isStep(data)) return executeSteps(ctx, [data])
  const list = Array.isArray(data) ? data : isObject(data) && "steps" in data ? data.steps : undefined
  if (list !== undefined) {
    if (!Array.isArray(list)) throw bad(`gave steps that are ${nameOf(list)}: ${forms}`)
    const odd = list.findIndex((step) => !isStep(step))
    if (odd >= 0)
      throw bad(
        `gave ${nameOf(list[odd])} as step ${odd + 1} of ${list.length}, which has no ops and hold: Step.make and Step.withDefs make steps`
      )
    if (list === data) return executeSteps(ctx, list)
    const unknown = unknownOption(data as object, Object.keys(stepsNames))
    if (unknown !== undefined) throw bad(`gave an ${unknown}`)
    const { assert = {}, backdrop = Backdrop.empty, cpuHotplug } = data as Partial<ScenarioSteps>
    return { steps: list, assert, backdrop, ...(cpuHotplug === undefined ? {} : { cpuHotplug }) }
  }
  if (isObject(data) && "program" in data && "limitMs" in data) return data as unknown as ScenarioProgram
  throw bad(`gave ${nameOf(data)}: ${forms}`)
}

type Build = Scenario["build"]

/**
 * Marks a guarded build, so that a scenario from `make` is not guarded again by a registry. A symbol of the global registry, because a configuration
 * may have another copy of this package.
 */
const guardMark: unique symbol = Symbol.for("@ktstr/core/guardedBuild")

const guarded = (name: string, build: ((ctx: ScenarioContext) => unknown) & { readonly [guardMark]?: true }): Build => {
  if (build[guardMark] === true) return build as Build
  const guard: Build = (ctx) => {
    let data: unknown
    try {
      data = build(ctx)
    } catch (error) {
      if (isScenarioError(error)) throw error
      throw new ScenarioError({ message: `scenario '${name}' could not be built: ${describeFault(error)}` })
    }
    return scenarioBody(ctx, data, `scenario '${name}'`)
  }
  return Object.assign(guard, { [guardMark]: true as const })
}

/**
 * Functions to make and check scenarios.
 *
 * @since 0.1.0
 * @category constructors
 */
export const Scenario: {
  /** Makes a scenario whose `build` throws only {@link ScenarioError}. Throws OptionError if an option or a need is unknown. */
  readonly make: (options: {
    readonly name: string
    /** Default: `other`. */
    readonly category?: string
    readonly description: string
    readonly needs?: ScenarioNeeds
    /** Default: false. */
    readonly cpuHotplug?: boolean | undefined
    readonly build: (ctx: ScenarioContext) => ScenarioBody
  }) => Scenario
  /** Returns why the scenario can't run on this machine; undefined if it can. */
  readonly unmet: (scenario: Scenario, topology: TestTopology) => string | undefined
} = {
  make: (options) => {
    const { build, name, needs = {} } = options
    refuseUnknown(`scenario '${name}'`, options, scenarioNames)
    refuseUnknown(`scenario '${name}', needs`, needs, needsNames)
    return { category: "other", ...options, needs, build: guarded(name, build) }
  },
  unmet: (scenario, topology) => {
    const checks = [
      ["LLC", scenario.needs.llcs, topology.llcs.length],
      ["CPU", scenario.needs.cpus, topology.allCpus.size],
      ["NUMA node", scenario.needs.numaNodes, topology.nodes.length]
    ] as const
    for (const [what, needed, has] of checks) {
      if (needed !== undefined && has < needed) {
        return `scenario '${scenario.name}' needs at least ${needed} ${what}s; the topology has ${has}`
      }
    }
    return undefined
  }
}

/**
 * Makes a scenario from steps, without a backdrop.
 *
 * @since 0.1.0
 * @category constructors
 */
export const executeSteps = (ctx: ScenarioContext, steps: ReadonlyArray<Step>): ScenarioSteps =>
  executeStepsWith(ctx, steps, {})

/**
 * Makes a scenario from steps, its own layer of checks, and optionally a backdrop.
 *
 * @since 0.1.0
 * @category constructors
 */
export const executeStepsWith = (
  _ctx: ScenarioContext,
  steps: ReadonlyArray<Step>,
  assert: Assert,
  backdrop: Backdrop = Backdrop.empty
): ScenarioSteps => ({ steps, backdrop, assert: Assert.merge(assert) })

/**
 * Makes a scenario of one step with these cgroups for the whole duration.
 *
 * @since 0.1.0
 * @category constructors
 */
export const executeDefs = (ctx: ScenarioContext, defs: ReadonlyArray<CgroupDef>): ScenarioSteps =>
  executeSteps(ctx, [Step.withDefs(defs, HoldSpec.FULL)])
