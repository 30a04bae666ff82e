/**
 * A scenario compiled to the commands that the guest agent runs by itself.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import type { Assert, PlannedCgroup, PlannedGroup } from "../check/index.ts"
import type { PayloadSpec } from "../payload/index.ts"
import type { Command } from "../protocol/index.ts"
import { isScenarioProgram, type Scenario, type ScenarioContext, type ScenarioSteps } from "../scenario/index.ts"
import type { WorkTypes } from "../work/index.ts"
import { PlanCompiler } from "./compiler.ts"
import { PlanError } from "./PlanError.ts"

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
