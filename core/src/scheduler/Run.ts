/**
 * The scheduler's part of a run: what the agent is told, and what is reported of it.
 *
 * @since 0.1.0
 */
import { Command } from "../protocol/index.ts"
import type { ResolvedScheduler } from "./Discovery.ts"
import { boundLines, collapseLog, type VerifierRefusal, verifierRefusal } from "./Log.ts"
import { describeSchedulerExit, kernelReason, type SchedulerRecord } from "./Record.ts"
import { SchedulerReport } from "./Report.ts"

/**
 * How long a worker may be runnable without running before the agent ends the scheduler, milliseconds.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultWatchdogMs = 2000

/** Lines of log and of dump that a result shows; all of them are in the run's directory. */
const shownLogLines = 200
const shownDumpLines = 120

/** What the shell of a built-in one runs: each line must succeed. */
const shell = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length === 0 ? [] : ["/bin/sh", "-e", "-c", lines.join("\n")]

/**
 * How a run looks after its scheduler.
 *
 * @since 0.1.0
 * @category models
 */
export interface SchedulingOptions {
  /** The guest's path. */
  readonly program: string | undefined
  /** How long a worker may be runnable without running; 0: for ever. */
  readonly watchdogMs: number
  /** The time of the kernel's own watchdog; undefined: as the scheduler has it. */
  readonly timeoutMs?: number | undefined
}

/**
 * What goes before and after the scenario's own commands; nothing for the kernel's own scheduler.
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
 * The commands with every cgroup below `parent`; what names the root goes on to do so.
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
 * What the scheduler did in a run. Log and dump are there when the run `failed`.
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

/** What a program says of its end is most often its last line. */
const lastWords = (record: SchedulerRecord): string | undefined =>
  record.log.findLast((line) => /\p{L}{2}/u.test(line) && !line.startsWith("… "))?.trim()

const refusedBy = ({ error, objection, program }: VerifierRefusal): string =>
  `the kernel's verifier refused program ${program}: ${objection.slice(0, 200)} (${error})`

/**
 * Why the scheduler ended, in one line each, the cause first: the verifier's refusal, else the agent's message with the kernel's
 * reason; nothing when it ended as it was told to.
 *
 * @since 0.1.0
 * @category messages
 */
export const schedulerCauses = (record: SchedulerRecord): ReadonlyArray<string> => {
  const end = record.failure
  if (end === undefined) return []
  // What it says of its end is that the agent ended it.
  if (end.cause === "watchdog")
    return [end.message, "the worker watchdog ended it; --watchdog 0 leaves that to the kernel's own"]
  const reason = kernelReason(end)
  // One that is told to end says nothing of why.
  const words = reason === undefined && !record.failedAtStop ? lastWords(record) : undefined
  // Of one that never attached and of one that the kernel disabled the agent's message tells this, too.
  const ended = end.cause === "by itself" ? [describeSchedulerExit(end)] : []
  const why = reason === undefined ? ended : [`the kernel's reason: ${reason}`]
  // That the program then exited follows from it.
  const refusal = end.cause === "never attached" ? verifierRefusal(record.log) : undefined
  return [
    ...(refusal === undefined ? [] : [refusedBy(refusal)]),
    [end.message, ...why].join("; "),
    ...(reason === undefined ? [] : ended),
    ...(refusal?.statistics === undefined ? [] : [`the verifier's last line: ${refusal.statistics}`]),
    ...(words === undefined ? [] : [`its last words: ${words.slice(0, 300)}`])
  ]
}
