/**
 * Checks, and the judging of a run by them.
 *
 * @since 0.2.0
 */
export { Assert, type AssertLayer, type SettledAssert } from "./Assert.ts"
export { AssertResult, CgroupStats, Outcome, outcomesBestFirst, TotalStats, worstOutcome } from "./AssertResult.ts"
export { Checker, type JudgeInput, judge, layerChecker, verdictOf } from "./Checker.ts"
export { type Check, type CheckJudge, type CheckKind, Checks } from "./Checks.ts"
export type { PlannedCgroup, PlannedCpuset, PlannedGroup } from "./Expected.ts"
export { expectFailure } from "./expectFailure.ts"
export { alignmentMs, deadlineShare, GuestClock, type HostTime, makeHostTime, negligibleShare } from "./HostTime.ts"
export { type Finding, toFinding, type Withheld, withheldIn } from "./hostExcuse.ts"
export { ExitInfo, Migration, WorkerReport } from "./WorkerReport.ts"
export { unjudged } from "./workerChecks.ts"
