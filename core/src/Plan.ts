/**
 * A scenario compiled to the commands that the guest agent runs by itself.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import type { Assert } from "./Assert.ts"
import type { CpuSet } from "./CpuSet.ts"
import type { Command } from "./guest/Command.ts"
import { PlanCompiler } from "./internal/planCompiler.ts"
import type { PayloadSpec } from "./Payload.ts"
import { PlanError } from "./PlanError.ts"
import type { Scenario, ScenarioSteps } from "./Scenario.ts"
import type { ScenarioContext } from "./ScenarioContext.ts"
import { isScenarioProgram } from "./ScenarioProgram.ts"
import type { WorkTypes } from "./WorkType.ts"

export { PlanError }

/**
 * CPUs that a group's cgroup allowed from one command of the plan on.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlannedCpuset {
  /** Index in the plan's commands from which on it holds. */
  readonly command: number
  /** Step in which it was set; -1 before the first. */
  readonly step: number
  readonly cpus: CpuSet
}

/**
 * One `SPAWN` of the plan.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlannedGroup {
  readonly group: number
  /** The cgroup it is spawned in; empty: the root. */
  readonly cgroup: string
  readonly workType: string
  readonly workers: number
  /** Workers that work together. */
  readonly groupSize: number
  /** Whether its program sleeps, waits or yields, so that there are wake latencies to expect. */
  readonly blocks: boolean
  /** Step in which it is spawned; -1: the backdrop. */
  readonly step: number
  /** What its cgroup allowed while the group ran, in order; never empty. */
  readonly cpusets: ReadonlyArray<PlannedCpuset>
  /** By worker: every CPU that cpuset and affinity together allowed at some time while it ran. */
  readonly allowedCpus: ReadonlyArray<CpuSet>
}

/**
 * One `PROC_RUN` of the plan.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlannedPayload {
  /** Its number among the processes. */
  readonly id: number
  readonly spec: PayloadSpec
  /** Step in which it is started; -1: the backdrop. */
  readonly step: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface PlannedCgroup {
  readonly name: string
  /** The cpuset of its own that it had last; undefined: none. */
  readonly cpuset: CpuSet | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface PlannedStep {
  readonly index: number
  readonly label: string
  readonly holdNs: number
}

/**
 * `commands` is the whole of `/ktstr/plan` but for a leading `CONFIG`, up to and including `END`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Plan {
  readonly commands: ReadonlyArray<Command>
  /** Every group, by its number. */
  readonly groups: ReadonlyArray<PlannedGroup>
  /** Every payload, in the order of their starts. Programs in `commands` are as on this host: see `preparePayloads`. */
  readonly payloads: ReadonlyArray<PlannedPayload>
  /** Every cgroup ever created, in that order. */
  readonly cgroups: ReadonlyArray<PlannedCgroup>
  readonly steps: ReadonlyArray<PlannedStep>
  /** Nanoseconds of all holds together; what starting and stopping takes comes on top. */
  readonly plannedNs: number
  /** The scenario's own layer of checks. */
  readonly assert: Assert
  readonly warnings: ReadonlyArray<string>
  /** Files of this host that its work types and payloads need in the guest, as for `-i`, each once. */
  readonly includes: ReadonlyArray<string>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const Plan: {
  /** Resolves every cpuset, affinity, policy and work type, then gives the commands; fails before anything is written. */
  readonly compile: (
    scenario: Scenario | ScenarioSteps,
    ctx: ScenarioContext
  ) => Effect.Effect<Plan, PlanError, WorkTypes>
} = {
  compile: Effect.fn("Plan.compile")(function* (scenario: Scenario | ScenarioSteps, ctx: ScenarioContext) {
    const built = "build" in scenario ? scenario.build(ctx) : scenario
    if (isScenarioProgram(built)) {
      const message = "the scenario is a program: it is not compiled but runs over the live channel"
      return yield* new PlanError({ reason: "Program", message })
    }
    const { assert, backdrop, steps } = built
    if (!(Number.isFinite(ctx.durationMs) && ctx.durationMs > 0)) {
      const message = `the duration is ${ctx.durationMs} ms; it must be longer than 0 and finite`
      return yield* new PlanError({ reason: "Hold", message })
    }
    const compiler = new PlanCompiler(ctx)
    yield* compiler.backdrop(backdrop)
    for (const [index, step] of steps.entries()) yield* compiler.step(step, index, steps.length)
    return { ...compiler.finish(), assert }
  })
}
