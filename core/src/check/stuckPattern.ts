/** Describes what stuck workers have in common: the pattern shows what the scheduler did, which no single worker's line does. */
import { CpuSet } from "../topology/index.ts"
import type { CheckedCgroup } from "./CheckedCgroup.ts"
import type { WorkerReport } from "./WorkerReport.ts"

/** Returns the longest period without progress, in nanoseconds of the guest. */
const longestGap = (report: WorkerReport) => {
  const end = report.startTimeNs + report.maxGapAtNs
  return { begin: end - report.maxGapNs, end }
}

/** Detects that all workers that never wait by themselves were stuck at the same time: the whole machine made no progress. */
const pause = (spinners: ReadonlyArray<WorkerReport>, thresholdMs: number): string | undefined => {
  if (spinners.length < 2 || spinners.some((report) => report.maxGapMs <= thresholdMs)) return undefined
  const gaps = spinners.map(longestGap)
  const end = Math.min(...gaps.map((gap) => gap.end))
  const lengthMs = (end - Math.max(...gaps.map((gap) => gap.begin))) / 1e6
  if (lengthMs <= thresholdMs) return undefined
  const sinceStart = Math.round((end - Math.min(...spinners.map((report) => report.startTimeNs))) / 1e6)
  const threshold = `(threshold ${thresholdMs}ms)`
  return `all ${spinners.length} workers were stuck at once for ${Math.round(lengthMs)}ms at +${sinceStart}ms ${threshold}`
}

/** Detects that all stuck workers shared one CPU and kept it busy, though each could have run on others. */
const pileUp = (cgroups: ReadonlyArray<CheckedCgroup>, thresholdMs: number): string | undefined => {
  const stuck = cgroups.flatMap(({ groups, reports }) =>
    reports
      .filter((report) => report.maxGapMs > thresholdMs)
      .map((report) => ({
        report,
        allowed: groups.find(({ group }) => group === report.group)?.allowedCpus[report.index]
      }))
  )
  const used = CpuSet.from(stuck.flatMap(({ report }) => report.cpusUsed))
  const ranNs = stuck.reduce((sum, { report }) => sum + report.cpuTimeNs, 0)
  const wallNs = Math.max(...stuck.map(({ report }) => report.wallTimeNs))
  // Workers that ran nowhere did not share that CPU either.
  if (stuck.length < 2 || used.size !== 1 || ranNs < wallNs / 2) return undefined
  let allowed = CpuSet.from([])
  for (const worker of stuck) {
    if (worker.allowed === undefined || worker.allowed.size < 2) return undefined
    allowed = allowed.union(worker.allowed)
  }
  return `${stuck.length} workers ran on cpu${used} only, allowed were ${allowed}: each was stuck for longer than ${thresholdMs}ms`
}

/** Returns at most one line, to put before the details of single workers. */
export const stuckPattern = (cgroups: ReadonlyArray<CheckedCgroup>, thresholdMs: number): string | undefined => {
  const spinners = cgroups.flatMap(({ groups, reports }) =>
    reports.filter((report) => groups.some(({ blocks, group }) => group === report.group && !blocks))
  )
  return pause(spinners, thresholdMs) ?? pileUp(cgroups, thresholdMs)
}
