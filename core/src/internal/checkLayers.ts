import { Effect } from "effect"
import type { Assert, AssertLayer } from "../Assert.ts"
import { Checks } from "../Checks.ts"
import { PlanError } from "../PlanError.ts"
import type { ScenarioRequest } from "../RunScenario.ts"
import type { Scheduler } from "../Scheduler.ts"

/**
 * The layers of checks above the clock's default, the lowest first. Plain JavaScript, and types that were talked out of it, come this far: what
 * can't be judged is refused before anything starts.
 */
export const checkedLayers = (
  { assert, scenario }: ScenarioRequest,
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
