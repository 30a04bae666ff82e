import { Effect } from "effect"
import { toPayloadResult } from "../payload/index.ts"
import { Plan, perturb, preparePayloads } from "../plan/index.ts"
import type { ScenarioSteps } from "../scenario/index.ts"
import { followGuest } from "../session/index.ts"
import type { WorkTypes } from "../work/index.ts"
import { deadlines } from "./GuestSetup.ts"
import type { PayloadServices, PreparationError, PreparationOptions, PreparedScenario } from "./PreparedScenario.ts"

/** Compiles steps to a plan, which the agent receives in full and runs by itself. */
export const preparePlan = Effect.fnUntraced(function* (
  steps: ScenarioSteps,
  { ctx, machine, payloadPlace, target, request }: PreparationOptions
): Effect.fn.Return<PreparedScenario, PreparationError, WorkTypes | PayloadServices> {
  const compiled = yield* Plan.compile(steps, ctx)
  const { commands, payloads } = yield* preparePayloads(compiled, payloadPlace)
  const plan: Plan = { ...compiled, commands }
  const perturbed =
    target.determinism === undefined ? undefined : perturb(commands, target.determinism.seed, machine.cpus)
  return {
    assert: plan.assert,
    cpuHotplug: steps.cpuHotplug === true,
    warnings: plan.warnings,
    includes: [...new Set([...request.includes, ...plan.includes])],
    limits: deadlines({ plan, ...machine }),
    plan: perturbed === undefined ? plan : { ...plan, commands: perturbed.commands },
    perturbation: perturbed?.perturbation,
    payloadSpecs: new Map(payloads.map(({ id, spec }) => [id, spec])),
    run: (vm, options) =>
      Effect.gen(function* () {
        const session = yield* followGuest(vm, options)
        const { processes } = options.record
        const results = yield* Effect.forEach(payloads, (payload) =>
          toPayloadResult({ ...payload, process: processes.get(payload.id) })
        )
        return { session, groups: plan.groups, cgroups: plan.cgroups, payloads: results, failures: [] }
      })
  }
})
