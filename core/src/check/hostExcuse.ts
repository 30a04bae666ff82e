/** Excuses failures that the host may have caused by withholding time. */
import { type HostTime, negligibleShare } from "./HostTime.ts"
import type { WorkerReport } from "./WorkerReport.ts"

/** What a check found: a reason to fail, or a reason why it can't judge. */
export interface Finding {
  readonly outcome: "fail" | "inconclusive"
  readonly detail: string
  /** The detail without what `toFinding` says of the host, which a test that expects a failure can't foresee. Default: the whole detail. */
  readonly claim?: string
}

/** How much of a period the host withheld, and whether the check fails even without that time. */
export interface Withheld {
  readonly delayMs: number
  readonly ofMs: number
  /** How long an emulated CPU may also have waited for the others, in milliseconds; `failsAnyway` treats this time as withheld. Default 0. */
  readonly turnMs?: number
  readonly failsAnyway: boolean
}

const because = "the host kept the machine waiting for"

const notJudged = "; not judged: "

/**
 * Turns a failed check into a failure or, if the host may have caused it, an inconclusive finding. `failsAnyway` may only change from true to false as the
 * delay grows: a busier host never makes a verdict harsher.
 */
export const toFinding = (detail: string, withheld: Withheld | undefined): Finding => {
  if (withheld === undefined) return { outcome: "fail", detail }
  const { delayMs, ofMs, failsAnyway, turnMs = 0 } = withheld
  const idle = delayMs <= negligibleShare * ofMs
  const delay = `${because} ${Math.round(delayMs)}ms of these ${Math.round(ofMs)}ms`
  if (failsAnyway) {
    return idle
      ? { outcome: "fail", detail }
      : { outcome: "fail", detail: `${detail}; ${delay}, too little to explain it`, claim: detail }
  }
  if (turnMs === 0)
    return idle ? { outcome: "fail", detail } : { outcome: "inconclusive", detail: detail + notJudged + delay }
  const turns = `emulated CPUs that share a thread wait up to ${turnMs}ms for one another`
  return { outcome: "inconclusive", detail: `${detail}${notJudged}${idle ? "" : `${delay}, and `}${turns}` }
}

/** Returns the start and end of a worker's life, in nanoseconds of the guest. */
export const lifetime = (report: WorkerReport): readonly [fromNs: number, toNs: number] => [
  report.startTimeNs,
  report.startTimeNs + report.wallTimeNs
]

/** Returns the first worker's start and the last worker's end. */
export const lifetimeOf = (reports: ReadonlyArray<WorkerReport>): readonly [fromNs: number, toNs: number] =>
  reports
    .map(lifetime)
    .reduce(
      ([from, to], [begin, end]) => [Math.min(from, begin), Math.max(to, end)],
      [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    )

/**
 * Returns how much the host withheld between two moments; undefined if that is unknown or no time passed. `failsAnyway` is called with the delay in
 * milliseconds.
 */
export const withheldIn = (
  host: HostTime | undefined,
  [fromNs, toNs]: readonly [number, number],
  failsAnyway: (delayMs: number) => boolean
): Withheld | undefined => {
  if (host === undefined || !(toNs > fromNs)) return undefined
  const delayMs = host.during(fromNs, toNs)
  return { delayMs, ofMs: (toNs - fromNs) / 1e6, failsAnyway: failsAnyway(delayMs) }
}
