/**
 * One run of one scenario, from the request to the verdict.
 *
 * @since 0.2.0
 */
export { type Determinism, DeterminismReport, Ingredients, scheduleHash, switchesOf } from "./Determinism.ts"
export { causeKind, failureCause } from "./FailureCause.ts"
export { agentCmdline, type Deadlines, deadlines, guestMemoryMb, programDeadlines } from "./GuestSetup.ts"
export { bootInteractive, type InteractiveError, type InteractiveRequest } from "./InteractiveGuest.ts"
export {
  changedIngredients,
  encodeReplay,
  makeReplay,
  parseReplay,
  Replay,
  ReplayError,
  replayLimit
} from "./Replay.ts"
export { ReplayRequest } from "./ReplayRequest.ts"
export {
  changedScheduler,
  Rerun,
  type RerunRequest,
  rerunCommand,
  schedulerHashDigits,
  shellLine,
  shellWord
} from "./Rerun.ts"
export { fromHere, runsRoot, saveFailure } from "./RunDirectory.ts"
export { RunEvent } from "./RunEvent.ts"
export { type HostRunError, hostScheduler, runOnHost } from "./RunOnHost.ts"
export type { RunRequest, RunTrace, ScenarioRequest, SettledRun } from "./RunRequest.ts"
export { CgroupResult, RunResult, runName } from "./RunResult.ts"
export { type RunError, runScenario } from "./RunScenario.ts"
export { TraceError, tracedInto } from "./TraceFiles.ts"
