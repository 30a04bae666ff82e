import type { Payload } from "../payload/index.ts"
import { Backdrop } from "./Backdrop.ts"
import { Op } from "./Op.ts"
import { ScenarioProgram } from "./Program.ts"
import type { ScenarioSteps } from "./Scenario.ts"

/** Returns the names of the payloads that the steps start themselves. */
const startedBy = ({ backdrop, steps }: ScenarioSteps): ReadonlySet<string> =>
  new Set(
    [backdrop, ...steps].flatMap(({ defs, ops }) => [
      ...ops.flatMap((op) => (op._tag === "RunPayload" ? [op.spec.payload.name] : [])),
      ...defs.flatMap((def) => def.payloads.map(({ payload }) => payload.name))
    ])
  )

/**
 * Adds a test's payloads to steps: those that the steps do not start run in the root cgroup during all steps. A program is returned unchanged,
 * because it starts its own.
 */
export const withBackgroundPayloads = (
  steps: ScenarioSteps | ScenarioProgram,
  payloads: ReadonlyArray<Payload>
): ScenarioSteps | ScenarioProgram => {
  if (steps instanceof ScenarioProgram) return steps
  const started = startedBy(steps)
  const missing = payloads.filter(({ name }) => !started.has(name))
  if (missing.length === 0) return steps
  const { defs, ops } = steps.backdrop
  const backdrop = Backdrop.withDefs(defs).setOps([...ops, ...missing.map((payload) => Op.RunPayload(payload))])
  return { ...steps, backdrop }
}
