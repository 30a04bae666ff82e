import { Effect } from "effect"
import { type Assert, type AssertLayer, AssertResult, Checks, type SettledAssert, unjudged } from "../check/index.ts"
import { PlanError } from "../plan/index.ts"
import type { Scheduler } from "../scheduler/index.ts"
import type { SettledScenario } from "./RunRequest.ts"

/** Makes a pass inconclusive if a requested check is not judged by anything, even if the failure of the run was expected. */
export const withUnjudged = (verdict: AssertResult, { assert, setBy }: SettledAssert): AssertResult => {
  const open = unjudged(setBy, assert).map(({ detail }) => detail)
  return verdict.outcome === "pass" && open.length > 0
    ? AssertResult.merge(verdict, AssertResult.inconclusive(...open))
    : verdict
}

/**
 * Returns the layers of checks above the clock's default, the lowest first. Fails with PlanError before anything starts if a layer can't be judged:
 * tests in plain JavaScript, or with type assertions, are not checked by the compiler.
 */
export const checkedLayers = (
  { assert, scenario }: SettledScenario,
  own: Assert,
  scheduler: Scheduler
): Effect.Effect<ReadonlyArray<AssertLayer>, PlanError> => {
  const layers = [
    { by: `scheduler '${scheduler.name}'`, assert: scheduler.assert },
    { by: `scenario '${scenario.name}'`, assert: own },
    { by: "the test", assert }
  ]
  for (const layer of layers) {
    const problem = Checks.problem(layer.assert)
    if (problem !== undefined) return new PlanError({ reason: "Check", message: `checks of ${layer.by}: ${problem}` })
  }
  return Effect.succeed(layers)
}
