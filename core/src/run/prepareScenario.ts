import { Effect } from "effect"
import { isScenarioProgram, ScenarioContext } from "../scenario/index.ts"
import type { WorkTypes } from "../work/index.ts"
import type { PayloadServices, PreparationError, PreparationOptions, PreparedScenario } from "./PreparedScenario.ts"
import { preparePlan } from "./preparedPlan.ts"
import { prepareProgram } from "./preparedProgram.ts"
import type { SettledScenario } from "./RunRequest.ts"
import type { Place } from "./runAccount.ts"
import { noScheduling } from "./scheduling.ts"

/** Builds a scenario and prepares what it turned out to be: a plan or a program. */
export const prepareScenario = (
  request: SettledScenario,
  place: Place
): Effect.Effect<PreparedScenario, PreparationError, WorkTypes | PayloadServices> => {
  const ctx = ScenarioContext.make({ ...request, topo: place.topo, scheduler: place.scheduler })
  const scheduling = place.scheduling ?? noScheduling
  const { binary, startTimeoutMs } = scheduling.resolved.scheduler
  const options: PreparationOptions = {
    request,
    place,
    ctx,
    scheduling,
    payloadPlace: place.packs ? "guest" : "host",
    machine: {
      cpus: place.topo.allCpus.size,
      bootMs: request.bootTimeoutMs,
      attachMs: binary._tag === "Eevdf" ? 0 : startTimeoutMs
    }
  }
  return Effect.suspend(() => {
    const built = request.scenario.build(ctx)
    return isScenarioProgram(built) ? prepareProgram(built, options) : preparePlan(built, options)
  })
}
