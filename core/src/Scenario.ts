/**
 * Scenarios: what happens in the guest and by what it is judged.
 *
 * @since 0.1.0
 */
import { Assert } from "./Assert.ts"
import { Backdrop } from "./Backdrop.ts"
import type { CgroupDef } from "./CgroupDef.ts"
import { HoldSpec } from "./HoldSpec.ts"
import type { ScenarioContext } from "./ScenarioContext.ts"
import type { ScenarioProgram } from "./ScenarioProgram.ts"
import { Step } from "./Step.ts"
import type { TestTopology } from "./TestTopology.ts"

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
 * @since 0.1.0
 * @category constructors
 */
export const Scenario: {
  readonly make: (options: {
    readonly name: string
    /** Default: `other`. */
    readonly category?: string
    readonly description: string
    readonly needs?: ScenarioNeeds
    /** Default: false. */
    readonly cpuHotplug?: boolean
    readonly build: (ctx: ScenarioContext) => ScenarioSteps | ScenarioProgram
  }) => Scenario
  /** Why the scenario can't run on this machine; undefined when it can. */
  readonly unmet: (scenario: Scenario, topology: TestTopology) => string | undefined
} = {
  make: (options) => ({ needs: {}, category: "other", ...options }),
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
