import { Effect } from "effect"
import { PlanError, preparePayload } from "../plan/index.ts"
import type { ScenarioProgram } from "../scenario/index.ts"
import { programDeadlines } from "./GuestSetup.ts"
import type { PayloadServices, PreparationOptions, PreparedScenario } from "./PreparedScenario.ts"
import { runProgram } from "./programRun.ts"

/** Prepares a program, which sends commands to the agent one by one. Fails with PlanError on a deterministic clock. */
export const prepareProgram = Effect.fnUntraced(function* (
  program: ScenarioProgram,
  { ctx, machine, payloadPlace, target, request, scheduling }: PreparationOptions
): Effect.fn.Return<PreparedScenario, PlanError, PayloadServices> {
  const { name } = request.scenario
  if (target.determinism !== undefined) {
    const message = `scenario '${name}' is a program, which the host runs in its own time: a deterministic clock takes scenarios of steps only; leave out --clock deterministic`
    return yield* new PlanError({ reason: "Program", message })
  }
  const services = yield* Effect.context<PayloadServices>()
  const includes = [...new Set([...request.includes, ...program.includes])]
  return {
    assert: program.assert,
    cpuHotplug: program.cpuHotplug,
    warnings: [],
    includes,
    limits: programDeadlines({ limitMs: program.limitMs, ...machine }),
    plan: undefined,
    perturbation: undefined,
    payloadSpecs: new Map(),
    run: (vm, options) =>
      runProgram(vm, {
        ...options,
        name,
        program,
        scheduling,
        ctx,
        packed: target.packs ? new Set(includes) : undefined,
        prepare: (spec) => Effect.provide(preparePayload(spec, payloadPlace), services)
      })
  }
})
