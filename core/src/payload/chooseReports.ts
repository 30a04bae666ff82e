import type { MetricValue } from "./Metric.ts"
import type { OutputReport } from "./OutputFormat.ts"

/** What counts of a program's reports. */
export interface ChosenReports {
  /** Finite, each name once. */
  readonly metrics: ReadonlyArray<MetricValue>
  /** Metrics asked for that are no finite number, and what they are instead. */
  readonly others: ReadonlyMap<string, string>
  /** Why a report behind those that count can't be read. */
  readonly broken: string | undefined
  /** All reports of the stream that counts. */
  readonly reports: ReadonlyArray<OutputReport>
}

/** A report that has at least so much of the most metrics of any is one like it, and no line of a log. */
const alike = 0.5

const names = ({ metrics, others }: OutputReport, name: string): boolean =>
  metrics.some((metric) => metric.name === name) || others?.has(name) === true

const lastWith = (reports: ReadonlyArray<OutputReport>, name: string): number =>
  reports.findLastIndex((report) => report.broken === undefined && names(report, name))

/** The last that is like the largest; -1: none has a number. */
const lastLarge = (reports: ReadonlyArray<OutputReport>): number => {
  const sizes = reports.map(({ broken, metrics }) =>
    broken === undefined ? metrics.filter(({ value }) => Number.isFinite(value)).length : 0
  )
  const most = sizes.reduce((a, b) => Math.max(a, b), 0)
  return most === 0 ? -1 : sizes.findLastIndex((size) => size >= most * alike)
}

const choose = (reports: ReadonlyArray<OutputReport>, asked: ReadonlyArray<string>): Omit<ChosenReports, "reports"> => {
  const places = new Map(asked.map((name) => [name, lastWith(reports, name)]))
  const found = [...places.values()].filter((place) => place >= 0)
  const main = found.length > 0 ? Math.max(...found) : lastLarge(reports)
  const metrics = new Map<string, MetricValue>()
  const others = new Map<string, string>()
  for (const metric of reports[main]?.metrics ?? []) metrics.set(metric.name, metric)
  for (const [name, place] of places) {
    const report = reports[place]
    if (report === undefined) continue
    const metric = report.metrics.findLast((one) => one.name === name)
    if (metric !== undefined && Number.isFinite(metric.value)) metrics.set(name, metric)
    else others.set(name, metric === undefined ? (report.others?.get(name) ?? "no number") : String(metric.value))
  }
  const first = found.length > 0 ? Math.min(...found) : main
  return {
    metrics: [...metrics.values()].filter(({ value }) => Number.isFinite(value)),
    others,
    broken: reports.slice(first + 1).find(({ broken }) => broken !== undefined)?.broken
  }
}

/**
 * Of each metric asked for the last report counts that has it, so that a line of a log behind the reports, which is JSON too, hides none. Other
 * metrics are those of the last such report; where none is asked for, of the last that has at least half as many numbers as the largest.
 * Of several streams the one counts that has most of what is asked for, the first of equals that has any metrics. Undefined: there are none.
 */
export const chooseReports = (
  streams: ReadonlyArray<ReadonlyArray<OutputReport>>,
  asked: ReadonlyArray<string>
): ChosenReports | undefined => {
  const score = (reports: ReadonlyArray<OutputReport>) => asked.filter((name) => lastWith(reports, name) >= 0).length
  const usable = streams
    .map((reports) => ({ reports, score: score(reports) }))
    .filter((one) => one.score > 0 || lastLarge(one.reports) >= 0)
  const [best] = [...usable].sort((a, b) => b.score - a.score)
  if (best === undefined) return undefined
  const chosen = choose(best.reports, asked)
  // The streams have no common order: a report that breaks off at the end of the other may be the last of all.
  const elsewhere = streams.flatMap((reports) => (reports === best.reports ? [] : (reports.at(-1)?.broken ?? [])))
  return { ...chosen, broken: chosen.broken ?? elsewhere[0], reports: best.reports }
}
