import type { MetricValue } from "./Metric.ts"
import type { OutputReport } from "./OutputFormat.ts"

/** The reports of a program that count. */
export interface ChosenReports {
  /** Finite values, each name once. */
  readonly metrics: ReadonlyArray<MetricValue>
  /** Requested metrics that are not finite numbers, and what the output has instead. */
  readonly others: ReadonlyMap<string, string>
  /** Why a report after those that count can't be read. */
  readonly broken: string | undefined
  /** All reports of the stream that counts. */
  readonly reports: ReadonlyArray<OutputReport>
}

/** A report with at least this share of the largest number of metrics is a real report, not a log line. */
const alike = 0.5

const names = ({ metrics, others }: OutputReport, name: string): boolean =>
  metrics.some((metric) => metric.name === name) || others?.has(name) === true

const lastWith = (reports: ReadonlyArray<OutputReport>, name: string): number =>
  reports.findLastIndex((report) => report.broken === undefined && names(report, name))

/** Returns the last report that is about as large as the largest; -1: none has a number. */
const lastLarge = (reports: ReadonlyArray<OutputReport>): number => {
  const sizes = reports.map(({ broken, metrics }) =>
    broken === undefined ? metrics.filter(({ value }) => Number.isFinite(value)).length : 0
  )
  const largest = sizes.reduce((a, b) => Math.max(a, b), 0)
  return largest === 0 ? -1 : sizes.findLastIndex((size) => size >= largest * alike)
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
 * Chooses the reports that count. For each requested metric it is the last report that has the metric, so that a log line in JSON after the reports
 * hides none. Other metrics come from the last of these reports. If no metric is requested, the last report with at least half as many numbers as the
 * largest counts. Among several streams, the one with most of the requested metrics counts; among equals, the first with any metrics. Undefined:
 * there are no metrics.
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
  // The streams have no common order, so an incomplete report at the end of the other stream may be the last of all.
  const elsewhere = streams.flatMap((reports) => (reports === best.reports ? [] : (reports.at(-1)?.broken ?? [])))
  return { ...chosen, broken: chosen.broken ?? elsewhere[0], reports: best.reports }
}
