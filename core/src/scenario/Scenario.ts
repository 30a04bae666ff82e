/**
 * Scenarios: what happens in the guest and by what it is judged.
 *
 * @since 0.1.0
 */
import { Data } from "effect"
import { describeFault } from "../base/index.ts"
import { Assert } from "../check/index.ts"
import type { TestTopology } from "../topology/index.ts"
import { Backdrop } from "./Backdrop.ts"
import type { CgroupDef } from "./CgroupDef.ts"
import type { ScenarioContext } from "./Context.ts"
import { HoldSpec } from "./HoldSpec.ts"
import type { ScenarioProgram } from "./Program.ts"
import { Step } from "./Step.ts"

/**
 * What a scenario comes to on a given machine.
 *
 * @since 0.1.0
 * @category models
 */
export interface ScenarioSteps {
  readonly steps: ReadonlyArray<Step>
  readonly backdrop: Backdrop
  /** The scenario's own layer of checks: above the clock's and the scheduler's, below the test's. */
  readonly assert: Assert
  /** Its steps take CPUs away, or bring some, on purpose: see `Scenario`. Default: false. */
  readonly cpuHotplug?: boolean | undefined
}

/**
 * What a machine must have at least; unset: 1.
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
 * @since 0.1.0
 * @category models
 */
export interface Scenario {
  readonly name: string
  /** What it is listed under. */
  readonly category: string
  /** One line. */
  readonly description: string
  /** Where they are not met the scenario is skipped with the reason. */
  readonly needs: ScenarioNeeds
  /**
   * It takes CPUs offline, or brings some online, on purpose. A run of any other, in which the machine has not the CPUs, caches and NUMA nodes that
   * were asked for from start to end, is inconclusive. Default: false.
   */
  readonly cpuHotplug?: boolean | undefined
  /** Steps, which are compiled to a plan and run without the host, or a program of `executeProgram`. */
  readonly build: (ctx: ScenarioContext) => ScenarioSteps | ScenarioProgram
}

/**
 * What a scenario's function may give: steps alone are steps without a backdrop.
 *
 * @since 0.2.0
 * @category models
 */
export type ScenarioBody = ScenarioSteps | ScenarioProgram | ReadonlyArray<Step> | Step

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/**
 * A scenario could not be built: its function threw, or gave what is no scenario. `build` throws it.
 *
 * @since 0.2.0
 * @category errors
 */
export class ScenarioError extends Data.TaggedError("ScenarioError")<{ readonly message: string }> {}

/**
 * By its tag: a user's configuration may have another copy of this package.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isScenarioError = (error: unknown): error is ScenarioError =>
  isObject(error) && error._tag === "ScenarioError"

/** By its shape: a user's configuration may have another copy of this package. */
const isStep = (value: unknown): value is Step => isObject(value) && Array.isArray(value.ops) && isObject(value.hold)

const nameOf = (value: unknown): string => {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return "a list"
  if (isObject(value)) return "then" in value ? "a promise" : "an object"
  return `a ${typeof value}`
}

const forms = "give a list of steps, or what executeSteps, executeDefs or executeProgram makes"

/**
 * The one form of what a scenario's function gave; throws a {@link ScenarioError}, whose message begins with `whose`.
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
    const { assert = {}, backdrop = Backdrop.empty } = data as Partial<ScenarioSteps>
    return { steps: list, assert, backdrop }
  }
  if (isObject(data) && "program" in data && "limitMs" in data) return data as unknown as ScenarioProgram
  throw bad(`gave ${nameOf(data)}: ${forms}`)
}

type Build = Scenario["build"]

/** Of builds that are guarded already: of a scenario that `make` made and a registry takes. That of a configuration is another copy's. */
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
 * @since 0.1.0
 * @category constructors
 */
export const Scenario: {
  /** Its `build` throws only {@link ScenarioError}. */
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
  /** Why the scenario can't run on this machine; undefined when it can. */
  readonly unmet: (scenario: Scenario, topology: TestTopology) => string | undefined
} = {
  make: (options) => ({
    needs: {},
    category: "other",
    ...options,
    build: guarded(options.name, options.build)
  }),
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
 * The steps, with nothing that outlives them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const executeSteps = (ctx: ScenarioContext, steps: ReadonlyArray<Step>): ScenarioSteps =>
  executeStepsWith(ctx, steps, {})

/**
 * The steps, in front of a backdrop where there is one, with the scenario's own layer of checks.
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
 * One step with these cgroups for the whole duration.
 *
 * @since 0.1.0
 * @category constructors
 */
export const executeDefs = (ctx: ScenarioContext, defs: ReadonlyArray<CgroupDef>): ScenarioSteps =>
  executeSteps(ctx, [Step.withDefs(defs, HoldSpec.FULL)])
