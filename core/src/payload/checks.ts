import { signalText, suggestion } from "../base/index.ts"
import type { Outcome } from "../check/index.ts"
import { printable } from "../protocol/index.ts"
import type { PayloadCheck } from "./Check.ts"
import type { ChosenReports } from "./chooseReports.ts"
import type { Metric, MetricSpec } from "./Metric.ts"
import { payloadOutputLimit } from "./Payload.ts"
import type { PayloadResult } from "./Result.ts"

/** One reason why a payload's run does not pass. */
export interface PayloadFinding {
  readonly outcome: Outcome
  readonly detail: string
}

/** A run before it is judged. */
export type UnjudgedPayload = Omit<PayloadResult, "outcome" | "details" | "warnings">

/** Formats a number with six significant digits, which is short but precise enough to compare. */
const number = (value: number): string => String(Number(value.toPrecision(6)))

const withUnit = ({ unit, value }: Metric): string => `${number(value)}${unit === null ? "" : ` ${printable(unit)}`}`

/** Returns the last line that is not blank, for the end of a message. */
const lastWords = ({ stderrTail, stdoutTail }: UnjudgedPayload): string => {
  const line = [...stdoutTail, ...stderrTail].reverse().find((text) => text.trim() !== "")
  return line === undefined ? "" : `: ${line.trim().slice(0, 200)}`
}

const endFinding = (
  run: UnjudgedPayload,
  checks: ReadonlyArray<PayloadCheck>,
  subject: string
): PayloadFinding | undefined => {
  const { end } = run
  const fail = (detail: string): PayloadFinding => ({ outcome: "fail", detail: `${subject} ${detail}` })
  const wanted = checks.find((check) => check._tag === "ExitCode")?.code
  switch (end.kind) {
    case "NotRun":
      return fail(`can't be run: ${end.message}`)
    case "Lost":
      return { outcome: "inconclusive", detail: `${subject} did not end before the guest did` }
    case "TimedOut":
      return fail(`still ran after ${(run.durationMs / 1000).toFixed(1)}s and was killed`)
    case "Signaled":
      return fail(`died of signal ${signalText(end.signal)}${lastWords(run)}`)
    case "Exited":
      return end.code === (wanted ?? 0)
        ? undefined
        : fail(`ended with ${end.code}, expected ${wanted ?? 0}${lastWords(run)}`)
    case "Stopped": {
      if (wanted === undefined || end.code === wanted) return undefined
      return end.code === null
        ? { outcome: "inconclusive", detail: `${subject} was told to end before it could end with ${wanted}` }
        : fail(`ended with ${end.code} when told to, expected ${wanted}${lastWords(run)}`)
    }
  }
}

const bound = (metric: Metric, check: Exclude<PayloadCheck, { _tag: "ExitCode" }>): string | undefined => {
  const { value } = metric
  switch (check._tag) {
    case "Min":
      return value >= check.value ? undefined : `at least ${number(check.value)} expected`
    case "Max":
      return value <= check.value ? undefined : `at most ${number(check.value)} expected`
    case "Range":
      return value >= check.min && value <= check.max
        ? undefined
        : `${number(check.min)} to ${number(check.max)} expected`
  }
}

/** Returns the metrics that declarations and checks request, without duplicates. */
export const askedFor = (
  specs: ReadonlyArray<MetricSpec>,
  checks: ReadonlyArray<PayloadCheck>
): ReadonlyArray<string> => [
  ...new Set([...specs.map(({ name }) => name), ...checks.flatMap((c) => (c._tag === "ExitCode" ? [] : [c.metric]))])
]

/** Maximum number of characters of a name in a message. */
const maxNameLength = 80

/** Formats a name from a program's output for a message. */
const shown = (name: string): string =>
  printable(name.length > maxNameLength ? `${name.slice(0, maxNameLength)}…` : name).replace(/[\n\t]/g, " ")

/** Returns everything that is wrong with a run, the worst first, and warnings that do not affect the verdict. */
export const judgePayload = (
  run: UnjudgedPayload,
  read: Pick<ChosenReports, "broken" | "others">,
  specs: ReadonlyArray<MetricSpec>,
  checks: ReadonlyArray<PayloadCheck>
): { readonly findings: ReadonlyArray<PayloadFinding>; readonly warnings: ReadonlyArray<string> } => {
  const subject = `payload ${run.name}${run.cgroup === "/" ? "" : ` in ${run.cgroup}`}`
  const ended = endFinding(run, checks, subject)
  const findings: Array<PayloadFinding> = ended === undefined ? [] : [ended]
  const warnings: Array<string> = []
  const all = { findings, warnings }
  if (run.end.kind === "NotRun" || run.end.kind === "Lost") return all
  const open = (detail: string) => findings.push({ outcome: "inconclusive", detail: `${subject}: ${detail}` })
  const asked = askedFor(specs, checks)
  if (run.problem !== null) {
    // A run that failed anyway needs no numbers. Neither does one that was stopped, unless metrics were requested.
    if (ended === undefined && (run.end.kind !== "Stopped" || asked.length > 0)) open(run.problem)
    return all
  }
  if (run.droppedBytes > 0 && asked.length > 0) {
    const kept = payloadOutputLimit / 2 ** 20
    open(
      `it can't be judged by its numbers: ${run.droppedBytes} bytes beyond the first ${kept} MiB of its output were dropped, maybe its last report with them; make it print less`
    )
    return all
  }
  if (read.broken !== undefined) {
    const cut = `a report behind the last whole one ${read.broken}`
    if (asked.length === 0) warnings.push(`${subject}: ${cut}; its metrics are those of the whole one`)
    else if (ended === undefined)
      open(
        `it can't be judged by its numbers: ${cut}; make it end its last report, and print nothing like one behind it`
      )
    return all
  }
  const found = new Map(run.metrics.map((metric) => [metric.name, metric]))
  for (const name of asked) {
    if (found.has(name)) continue
    const other = read.others.get(name)
    if (other !== undefined) open(`metric ${shown(name)} is ${other}`)
    else if (run.format === "ExitCode")
      open(`metric '${name}' is asked for, but output ExitCode reads none; choose another`)
    else open(`no metric '${name}' in its output${suggestion(name, [...found.keys()].map(shown))}`)
  }
  for (const check of checks) {
    const metric = check._tag === "ExitCode" ? undefined : found.get(check.metric)
    const wrong = metric === undefined || check._tag === "ExitCode" ? undefined : bound(metric, check)
    if (metric !== undefined && wrong !== undefined) {
      findings.push({ outcome: "fail", detail: `${subject}: ${shown(metric.name)} is ${withUnit(metric)}, ${wrong}` })
    }
  }
  findings.sort((a, b) => Number(b.outcome === "fail") - Number(a.outcome === "fail"))
  return all
}
