/**
 * The scheduler's part of a run: commands for the agent, and the report.
 *
 * @since 0.1.0
 */
import { Command } from "../protocol/index.ts"
import type { ResolvedScheduler } from "./Discovery.ts"
import { boundLines, collapseLog, type VerifierRefusal, verifierRefusal } from "./Log.ts"
import { describeSchedulerExit, kernelReason, type SchedulerRecord } from "./Record.ts"
import { SchedulerReport } from "./Report.ts"

/**
 * Default for how long a worker may be runnable without running before the agent ends the scheduler, in milliseconds.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultWatchdogMs = 2000

/** Maximum numbers of log and dump lines in a result; the run's directory has all lines. */
const shownLogLines = 200
const shownDumpLines = 120

/** Returns the command of a built-in scheduler: shell lines, each of which must succeed. */
const shell = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length === 0 ? [] : ["/bin/sh", "-e", "-c", lines.join("\n")]

/**
 * How a run starts and watches its scheduler.
 *
 * @since 0.1.0
 * @category models
 */
export interface SchedulingOptions {
  /** The program's path in the guest. */
  readonly program: string | undefined
  /** How long a worker may be runnable without running, in milliseconds; 0: forever. */
  readonly watchdogMs: number
  /** Timeout of the kernel's own watchdog in milliseconds; undefined: the scheduler's own. */
  readonly timeoutMs?: number | undefined
}

/**
 * Returns the commands before and after those of the scenario; for the kernel's own scheduler, only its parent cgroup.
 *
 * @since 0.1.0
 * @category conversions
 */
export const schedulerCommands = (
  resolved: ResolvedScheduler,
  options: SchedulingOptions
): { readonly before: ReadonlyArray<Command>; readonly after: ReadonlyArray<Command> } => {
  const { scheduler } = resolved
  const { binary, cgroupParent, name, startTimeoutMs } = scheduler
  const parent =
    cgroupParent === undefined ? [] : [Command.CgroupCreate({ path: cgroupParent, controllers: ["cpuset", "cpu"] })]
  if (binary._tag === "Eevdf") return { before: parent, after: [] }
  const builtin = binary._tag === "KernelBuiltin"
  const config = Command.SchedConfig({
    name,
    builtin,
    start: builtin ? shell(binary.enable) : [options.program ?? "", ...resolved.args],
    stop: builtin ? shell(binary.disable) : [],
    startTimeoutNs: startTimeoutMs * 1e6,
    watchdogNs: builtin ? 0 : options.watchdogMs * 1e6,
    timeoutMs: builtin ? 0 : (options.timeoutMs ?? 0)
  })
  return { before: [...parent, config, Command.SchedStart()], after: [Command.SchedStop()] }
}

/** Fields of commands that name a cgroup; empty means the root. */
const cgroupFields = ["path", "cgroup", "from", "to"] as const

/**
 * Moves every cgroup of the commands below `parent`; names of the root stay unchanged.
 *
 * @since 0.1.0
 * @category conversions
 */
export const placeBelow = (commands: ReadonlyArray<Command>, parent: string | undefined): ReadonlyArray<Command> => {
  if (parent === undefined) return commands
  return commands.map((command) => {
    const fields = command as unknown as Readonly<Record<string, unknown>>
    const placed = cgroupFields.flatMap((field) => {
      const value = fields[field]
      return typeof value === "string" && value !== "" ? [[field, `${parent}/${value}`] as const] : []
    })
    return placed.length === 0 ? command : { ...command, ...Object.fromEntries(placed) }
  })
}

/**
 * Reports what the scheduler did in a run; null for the kernel's own. Log and dump are included if the run `failed`.
 *
 * @since 0.1.0
 * @category conversions
 */
export const schedulerReport = (
  resolved: ResolvedScheduler,
  record: SchedulerRecord,
  failed: boolean
): SchedulerReport | null => {
  const { scheduler } = resolved
  if (scheduler.binary._tag === "Eevdf") return null
  const first = record.starts[0]
  const end = record.failure ?? record.ends.at(-1)
  return SchedulerReport.make(
    {
      name: scheduler.name,
      profile: resolved.profile.name,
      program: resolved.program ?? null,
      args: [...resolved.args],
      ops: first?.ops || null,
      attachMs: first === undefined ? null : first.attachNs / 1e6,
      starts: record.starts.length,
      enableSeq: record.starts.at(-1)?.enableSeq ?? null,
      nrRejected: end?.rejected ?? first?.rejected ?? null,
      exit: end === undefined ? null : describeSchedulerExit(end),
      kernelReason: (end === undefined ? undefined : kernelReason(end)) ?? null,
      kernelLog: failed ? [...(end?.kernelLog ?? [])] : [],
      log: failed ? [...boundLines(collapseLog(record.log), shownLogLines)] : [],
      dump: failed ? [...boundLines(record.dump, shownDumpLines)] : []
    },
    { disableValidation: true }
  )
}

/** Returns the last line of its output, where programs usually say why they end. */
const lastWords = (record: SchedulerRecord): string | undefined =>
  record.log.findLast((line) => /\p{L}{2}/u.test(line) && !line.startsWith("… "))?.trim()

const refusedBy = ({ error, objection, program }: VerifierRefusal): string =>
  `the kernel's verifier refused program ${program}: ${objection.slice(0, 200)} (${error})`

/**
 * Returns why the scheduler ended, one line each, the cause first: the verifier's rejection, else the agent's message with the kernel's reason. Empty
 * if it ended as requested.
 *
 * @since 0.1.0
 * @category messages
 */
export const schedulerCauses = (record: SchedulerRecord): ReadonlyArray<string> => {
  const end = record.failure
  if (end === undefined) return []
  // The agent ended it, so its own last words would only say that.
  if (end.cause === "watchdog")
    return [end.message, "the worker watchdog ended it; --watchdog 0 leaves that to the kernel's own"]
  const reason = kernelReason(end)
  // A scheduler that was asked to end does not say why.
  const words = reason === undefined && !record.failedAtStop ? lastWords(record) : undefined
  // If it never attached or the kernel disabled it, the agent's message already says how its process ended.
  const ended = end.cause === "by itself" ? [describeSchedulerExit(end)] : []
  const why = reason === undefined ? ended : [`the kernel's reason: ${reason}`]
  // The program's exit is a consequence of the rejection.
  const refusal = end.cause === "never attached" ? verifierRefusal(record.log) : undefined
  return [
    ...(refusal === undefined ? [] : [refusedBy(refusal)]),
    [end.message, ...why].join("; "),
    ...(reason === undefined ? [] : ended),
    ...(refusal?.statistics === undefined ? [] : [`the verifier's last line: ${refusal.statistics}`]),
    ...(words === undefined ? [] : [`its last words: ${words.slice(0, 300)}`])
  ]
}
