/**
 * Everything needed to write tests, scenarios, work types, output formats and reporters, and scripts that run them. Everything else is in the rooms:
 * `@ktstr/core/kernel`, `@ktstr/core/session`, ….
 *
 * @since 0.1.0
 */
export { Assert, AssertResult, CgroupStats, Outcome, WorkerReport } from "./check/index.ts"
export { KernelResolver } from "./kernel/index.ts"
export {
  Metric,
  OutputFormat,
  OutputRef,
  Payload,
  PayloadCheck,
  type PayloadOptions,
  PayloadResult,
  Polarity
} from "./payload/index.ts"
export { ExitCode, Reporter, type ReporterHooks, type ReporterOutput, SessionEnd } from "./report/index.ts"
export { RunEvent, type RunRequest, RunResult, runScenario } from "./run/index.ts"
export {
  Backdrop,
  CannedScenarios,
  CgroupDef,
  CgroupManager,
  executeDefs,
  executeProgram,
  executeSteps,
  executeStepsWith,
  HoldSpec,
  Op,
  PayloadRun,
  registerScenarios,
  Scenario,
  ScenarioContext,
  ScenarioProgram,
  type ScenarioServices,
  Scenarios,
  Step,
  WorkloadEngine,
  WorkSpec
} from "./scenario/index.ts"
export {
  FlagProfile,
  registerSchedulers,
  resolveScheduler,
  Scheduler,
  SchedulerBinary,
  type SchedulerOptions
} from "./scheduler/index.ts"
export { KtstrTest, type KtstrTestOptions } from "./test/index.ts"
export {
  Affinity,
  CpuSet,
  CpusetSpec,
  MemPolicy,
  MpolFlags,
  TestConstraints,
  TestTopology,
  Topology
} from "./topology/index.ts"
export { SchedPolicy, WorkNode, WorkParam, WorkProgram, WorkType, WorkTypeRef } from "./work/index.ts"
