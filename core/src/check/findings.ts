/** Wording shared by the checks: how findings name cgroups, workers and numbers, and how many lines they take. */
import type { CheckedCgroup } from "./CheckedCgroup.ts"
import type { Finding } from "./hostExcuse.ts"
import type { WorkerReport } from "./WorkerReport.ts"

/** Maximum number of detail lines of one kind per cgroup. */
const linesPerCheck = 5

/** Makes a failure. */
export const failed = (detail: string): Finding => ({ outcome: "fail", detail })
/** Makes a finding that can't be judged. */
export const inconclusive = (detail: string): Finding => ({ outcome: "inconclusive", detail })

/** Names a cgroup. */
export const subject = (cgroup: CheckedCgroup): string =>
  cgroup.name === "" ? "root cgroup" : `cgroup '${cgroup.name}'`

/** Names a worker, numbered across all groups of its cgroup, as the user counts them. */
const workerName = (cgroup: CheckedCgroup, report: WorkerReport): string => {
  const before = cgroup.groups.filter((group) => group.group < report.group)
  return `worker ${before.reduce((sum, group) => sum + group.workers, 0) + report.index}`
}

/** Names a worker with its cgroup. */
export const worker = (cgroup: CheckedCgroup, report: WorkerReport): string =>
  `${subject(cgroup)} ${workerName(cgroup, report)}`

/** Puts failures first and limits the number of findings per outcome. */
export const capped = (cgroup: CheckedCgroup, findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> =>
  (["fail", "inconclusive"] as const).flatMap((outcome) =>
    cappedAlike(
      cgroup,
      findings.filter((finding) => finding.outcome === outcome)
    )
  )

const cappedAlike = (cgroup: CheckedCgroup, findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> => {
  const rest = findings.length - linesPerCheck
  if (rest <= 1) return findings
  const more = `${subject(cgroup)}: the same of ${rest} more workers`
  return [...findings.slice(0, linesPerCheck), { outcome: findings[0]!.outcome, detail: more }]
}

/** Rounds a value, but never so far that it appears to meet the threshold. */
export const shown = (value: number, threshold: number): string => {
  for (const digits of [0, 1, 2]) {
    const text = value.toFixed(digits)
    if (Math.sign(Number(text) - threshold) === Math.sign(value - threshold)) return text
  }
  return `${value}`
}

/** Formats a number: whole if it is large, else with four significant digits. */
export const figure = (value: number): string =>
  Math.abs(value) >= 1000 ? `${Math.round(value)}` : `${Number(value.toPrecision(4))}`

/** Tells whether a threshold is set and not switched off. */
export const isSet = (threshold: number | false | undefined): threshold is number => typeof threshold === "number"
