/**
 * Scenarios compiled to the commands that the guest's agent runs by itself.
 *
 * @since 0.2.0
 */

export type { PlannedPayload, PlannedStep } from "./CompiledPlan.ts"
export { CgroupState } from "./cgroupState.ts"
export { type LiveGroup, newGroup, recordAllowed, type SpawnPlan } from "./groups.ts"
export { cgroupNameProblem } from "./ops.ts"
export { Perturbation, type PerturbedPlan, perturb } from "./Perturbation.ts"
export { Plan } from "./Plan.ts"
export { PlanError } from "./PlanError.ts"
export { type PayloadPlace, type PreparedPayload, preparePayload, preparePayloads } from "./PreparePayloads.ts"
export { payloadCommand } from "./payloads.ts"
export { resolveWork, toWorkers } from "./work.ts"
