/** Failures that the host may have caused: what it withheld is held against them. */
import { type HostTime, negligibleShare } from "./HostTime.ts"
import type { WorkerReport } from "./WorkerReport.ts"

/** What a check found: nothing, reasons to fail, or that there was nothing to judge by. */
export interface Finding {
  readonly outcome: "fail" | "inconclusive"
  readonly detail: string
}

/** What the host withheld of a stretch of time, and whether the failure is one without that, too. */
export interface Withheld {
  readonly delayMs: number
  readonly ofMs: number
  /** What an emulated CPU may have waited for its neighbours on top; `stands` counts it as withheld. Default 0. */
  readonly turnMs?: number
  readonly stands: boolean
}

const because = "the host kept the machine waiting for"

const open = "; not judged: "

/** Whether a detail tells of a failure that the host excuses. */
export const isExcused = (detail: string): boolean => detail.includes(open)

/** A detail without what `weigh` added of the host, which whoever expects a failure can't foresee. */
export const withoutHost = (detail: string): string => {
  const at = detail.indexOf(`; ${because} `)
  return at === -1 ? detail : detail.slice(0, at)
}

/** `stands` may only turn from true to false as the delay grows: a busier host never makes a verdict harsher. */
export const weigh = (detail: string, withheld: Withheld | undefined): Finding => {
  if (withheld === undefined) return { outcome: "fail", detail }
  const { delayMs, ofMs, stands, turnMs = 0 } = withheld
  const idle = delayMs <= negligibleShare * ofMs
  const delay = `${because} ${Math.round(delayMs)}ms of these ${Math.round(ofMs)}ms`
  if (stands) return { outcome: "fail", detail: idle ? detail : `${detail}; ${delay}, too little to explain it` }
  if (turnMs === 0)
    return idle ? { outcome: "fail", detail } : { outcome: "inconclusive", detail: detail + open + delay }
  const turns = `emulated CPUs that share a thread wait up to ${turnMs}ms for one another`
  return { outcome: "inconclusive", detail: `${detail}${open}${idle ? "" : `${delay}, and `}${turns}` }
}

/** Of a worker's life, nanoseconds of the guest. */
export const lifetime = (report: WorkerReport): readonly [fromNs: number, toNs: number] => [
  report.startTimeNs,
  report.startTimeNs + report.wallTimeNs
]

/** From the first worker's start to the last one's end. */
export const lifetimeOf = (reports: ReadonlyArray<WorkerReport>): readonly [fromNs: number, toNs: number] =>
  reports
    .map(lifetime)
    .reduce(
      ([from, to], [begin, end]) => [Math.min(from, begin), Math.max(to, end)],
      [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    )

/** What was withheld between two moments; `stands` is asked with the delay in milliseconds. Undefined: nothing is known, or no time passed. */
export const withheldIn = (
  host: HostTime | undefined,
  [fromNs, toNs]: readonly [number, number],
  stands: (delayMs: number) => boolean
): Withheld | undefined => {
  if (host === undefined || !(toNs > fromNs)) return undefined
  const delayMs = host.during(fromNs, toNs)
  return { delayMs, ofMs: (toNs - fromNs) / 1e6, stands: stands(delayMs) }
}
