/**
 * The language of scenarios: steps, ops, cgroups, workers, and the context in which they are built.
 *
 * @since 0.2.0
 */
export { Backdrop } from "./Backdrop.ts"
export { withBackgroundPayloads } from "./backgroundPayloads.ts"
export { CannedScenarios, UnknownScenario } from "./CannedScenarios.ts"
export { allControllers, type CgroupController, CgroupDef } from "./CgroupDef.ts"
export { CgroupError, CgroupManager } from "./CgroupManager.ts"
export { ScenarioContext } from "./Context.ts"
export { HoldSpec, HoldSpecError } from "./HoldSpec.ts"
export { Op } from "./Op.ts"
export { PayloadRun, PayloadRunner, type RunningPayload } from "./PayloadRun.ts"
export {
  executeProgram,
  isScenarioProgram,
  ScenarioProgram,
  type ScenarioProgramOptions,
  type ScenarioServices
} from "./Program.ts"
export {
  executeDefs,
  executeSteps,
  executeStepsWith,
  isScenarioError,
  Scenario,
  type ScenarioBody,
  ScenarioError,
  type ScenarioNeeds,
  type ScenarioSteps,
  scenarioBody
} from "./Scenario.ts"
export { layerScenarios, makeScenarios, registerScenarios, Scenarios } from "./Scenarios.ts"
export { Step } from "./Step.ts"
export { type WorkerCounters, WorkloadEngine, WorkloadError, type WorkloadGroup } from "./WorkloadEngine.ts"
export { WorkSpec } from "./WorkSpec.ts"
