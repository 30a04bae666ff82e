/**
 * A scenario compiled to the commands that the guest agent runs by itself.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import type { Assert } from "../check/index.ts"
import { isScenarioProgram, type Scenario, type ScenarioContext, type ScenarioSteps } from "../scenario/index.ts"
import type { WorkTypes } from "../work/index.ts"
import type { CompiledPlan } from "./CompiledPlan.ts"
import { PlanCompiler } from "./compiler.ts"
import { PlanError } from "./PlanError.ts"

/**
 * A compiled plan. `commands` is all of `/ktstr/plan` except a leading `CONFIG`, up to and including `END`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Plan extends CompiledPlan {
  /** The scenario's own layer of checks. */
  readonly assert: Assert
}

/**
 * The compiler of scenarios.
 *
 * @since 0.1.0
 * @category constructors
 */
export const Plan: {
  /** Resolves every cpuset, affinity, policy and work type, and returns the commands. Fails before anything is written. */
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
