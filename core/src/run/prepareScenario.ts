import { Effect } from "effect"
import { isScenarioProgram, ScenarioContext } from "../scenario/index.ts"
import type { WorkTypes } from "../work/index.ts"
import type { PayloadServices, PreparationError, PreparationOptions, PreparedScenario } from "./PreparedScenario.ts"
import { preparePlan } from "./preparePlan.ts"
import { prepareProgram } from "./prepareProgram.ts"
import type { SettledScenario } from "./RunRequest.ts"
import type { RunTarget } from "./RunTarget.ts"
import { noScheduling } from "./scheduling.ts"

/** Builds a scenario and prepares what it turned out to be: a plan or a program. */
export const prepareScenario = (
  request: SettledScenario,
  target: RunTarget
): Effect.Effect<PreparedScenario, PreparationError, WorkTypes | PayloadServices> => {
  const ctx = ScenarioContext.make({ ...request, topo: target.topo, scheduler: target.scheduler })
  const scheduling = target.scheduling ?? noScheduling
  const { binary, startTimeoutMs } = scheduling.resolved.scheduler
  const options: PreparationOptions = {
    request,
    target,
    ctx,
    scheduling,
    payloadPlace: target.packs ? "guest" : "host",
    machine: {
      cpus: target.topo.allCpus.size,
      bootMs: request.bootTimeoutMs,
      attachMs: binary._tag === "Eevdf" ? 0 : startTimeoutMs
    }
  }
  return Effect.suspend(() => {
    const built = request.scenario.build(ctx)
    return isScenarioProgram(built) ? prepareProgram(built, options) : preparePlan(built, options)
  })
}
