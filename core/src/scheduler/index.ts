/**
 * Schedulers under test: how they are declared, found and started, and what they reported.
 *
 * @since 0.2.0
 */
export { type ResolvedScheduler, resolvedEevdf, resolveScheduler, schedulerArgs } from "./Discovery.ts"
export { SchedulerError, type SchedulerErrorReason } from "./Error.ts"
export { FlagProfile } from "./FlagProfile.ts"
export { boundLines, collapseLog, type VerifierRefusal, verifierRefusal } from "./Log.ts"
export { describeSchedulerExit, kernelReason, SchedulerRecord } from "./Record.ts"
export { SchedulerReport } from "./Report.ts"
export {
  defaultWatchdogMs,
  placeBelow,
  type SchedulingOptions,
  schedulerCauses,
  schedulerCommands,
  schedulerReport
} from "./Run.ts"
export { Scheduler, SchedulerBinary, type SchedulerFlag, type SchedulerOptions } from "./Scheduler.ts"
export { layerSchedulers, makeSchedulers, registerSchedulers, Schedulers, UnknownScheduler } from "./Schedulers.ts"
