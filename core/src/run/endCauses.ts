/** Determines what ended a run early, and whether the host's delay explains it. */

import { deadlineShare, type Finding, type HostTime, toFinding, type Withheld, withheldIn } from "../check/index.ts"
import { kernelReason, type SchedulerRecord, schedulerCauses } from "../scheduler/index.ts"
import { describeEnd, type LateWait, lateWait, type SessionRecord, type SessionResult } from "../session/index.ts"

/** What the host has withheld of the whole run so far; for the whole run, guest time and host time need not be aligned. */
export interface RunDelay {
  readonly delayMs: number
  readonly ofMs: number
}

/** Timeouts that end a scheduler, in milliseconds. */
export interface SchedulerTimeouts {
  readonly watchdogMs: number
  readonly startTimeoutMs: number
}

/** A failure of a scenario's program. */
export interface ProgramFailure {
  /** One line. */
  readonly detail: string
  /** The wait of the agent that the failure goes back to; undefined if it goes back to none. */
  readonly late: LateWait | undefined
}

/** How long a scheduler that is told to stop may ignore SIGINT, SIGTERM and the kernel's reset, together (native/agent/scheduler), in milliseconds. */
const stopMs = 3000

/** How long the commands of a builtin scheduler may take (native/agent/scheduler), in milliseconds. */
const commandMs = 10_000

/** Kernel reasons that a slow host can cause: something did not run for too long. */
const stall = /runnable task stall|watchdog failed to check in|soft lockup|hard lockup|RCU CPU stall/

/**
 * Length of a stall if the kernel does not report it: the longest timeout that a sched_ext scheduler may set (SCX_WATCHDOG_MAX_TIMEOUT), in
 * milliseconds.
 */
const longestWatchdogMs = 30_000

/** Returns the length in milliseconds of the timeout that ended the scheduler; undefined if the end was not caused by a timeout. */
export const timeoutOf = (
  end: NonNullable<SchedulerRecord["failure"]>,
  { startTimeoutMs, watchdogMs }: SchedulerTimeouts
): number | undefined => {
  if (end.cause === "watchdog") return watchdogMs
  if (end.cause === "never attached" && /did not attach within/.test(end.message)) return startTimeoutMs
  const reason = kernelReason(end)
  if (reason === undefined) {
    if (end.cause === "never attached" && end.kind === "killed") return commandMs
    return end.cause === "told to" && (end.kind === "killed" || end.kind === "still runs") ? stopMs : undefined
  }
  if (!stall.test(reason)) return undefined
  const seconds = /(\d+(?:\.\d+)?)s\b/.exec(reason)?.[1]
  return seconds === undefined ? longestWatchdogMs : 1000 * Number(seconds)
}

const overDeadline = (host: HostTime | undefined, { timeNs, waitedNs }: LateWait): Withheld | undefined =>
  withheldIn(host, [timeNs - waitedNs, timeNs], (ms) => ms < deadlineShare * (waitedNs / 1e6))

const ofScheduler = (
  record: SchedulerRecord,
  host: HostTime | undefined,
  timeouts: SchedulerTimeouts
): ReadonlyArray<Finding> => {
  const end = record.failure
  const lines = schedulerCauses(record)
  if (end === undefined) return []
  const lengthMs = timeoutOf(end, timeouts)
  const withheld =
    lengthMs === undefined ? undefined : overDeadline(host, { timeNs: end.timeNs, waitedNs: lengthMs * 1e6 })
  // All lines describe the same end.
  const [first, ...others] = lines
  if (first === undefined) return []
  const judged = toFinding(first, withheld)
  return [judged, ...others.map((detail) => ({ outcome: judged.outcome, detail }))]
}

const ofSession = (session: SessionResult, runDelay: RunDelay | undefined): ReadonlyArray<Finding> => {
  const detail = describeEnd(session)
  if (detail === undefined) return []
  const late = ["BootTimeout", "BootStalled", "PlanTimeout"].includes(session.end._tag)
  const withheld: Withheld | undefined =
    late && runDelay !== undefined
      ? { ...runDelay, failsAnyway: runDelay.delayMs < deadlineShare * runDelay.ofMs }
      : undefined
  return [toFinding(detail, withheld)]
}

/**
 * Returns the causes in order: the scheduler's end, the program's failures, the guest's errors, the session's end. If a scheduler only failed to stop
 * at the end of the run, it did not cause the other failures and is listed after them.
 */
export const endCauses = (run: {
  readonly record: SessionRecord
  readonly session: SessionResult
  readonly failures: ReadonlyArray<ProgramFailure>
  readonly host: HostTime | undefined
  readonly runDelay: RunDelay | undefined
  readonly timeouts: SchedulerTimeouts
}): ReadonlyArray<Finding> => {
  const { failures, host, timeouts, record, session, runDelay } = run
  const judged = ({ detail, late }: ProgramFailure): Finding =>
    toFinding(detail, late === undefined ? undefined : overDeadline(host, late))
  const scheduler = ofScheduler(record.scheduler, host, timeouts)
  const atStop = record.scheduler.failedAtStop
  const causes = [
    ...(atStop ? [] : scheduler),
    ...failures.map(judged),
    // If the scheduler ended, the agent sends the same message in both places.
    ...record.errors
      .filter(({ message }) => message !== record.scheduler.failure?.message)
      .map((error) => {
        const { message, where } = error
        return judged({ detail: where === "" ? message : `${where}: ${message}`, late: lateWait(error) })
      }),
    ...(atStop ? scheduler : []),
    ...ofSession(session, runDelay)
  ]
  const first = (finding: Finding, index: number): boolean =>
    causes.findIndex(({ detail }) => detail === finding.detail) === index
  if (session.end._tag === "Done" && !session.end.ok && causes.length === 0) {
    causes.push({ outcome: "fail", detail: "the agent stopped the plan without saying why" })
  }
  return causes.filter(first)
}
