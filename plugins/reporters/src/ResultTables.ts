/**
 * Formats the numbers of a result: a table of its cgroups, and its payloads.
 *
 * @since 0.1.0
 */
import type { PayloadResult } from "@ktstr/core"
import type { CgroupResult } from "@ktstr/core/run"
import { printable } from "./ScreenText.ts"
import { type Column, renderTable } from "./Table.ts"

const number = (value: number | null, digits: number): string => (value === null ? "" : value.toFixed(digits))

/** Formats 1234567 as `1.23M`. */
const count = (value: number): string => {
  for (const [unit, size] of [
    ["G", 1e9],
    ["M", 1e6],
    ["k", 1e3]
  ] as const) {
    if (value >= size) return `${(value / size).toPrecision(3)}${unit}`
  }
  return String(Math.round(value * 100) / 100)
}

/**
 * Formats nanoseconds in the most readable unit: `850ns`, `12.5us`, `3.10ms`, `4.98s`.
 *
 * @since 0.1.0
 * @category rendering
 */
export const duration = (nanoseconds: number | null): string => {
  if (nanoseconds === null) return ""
  if (nanoseconds < 1e3) return `${Math.round(nanoseconds)}ns`
  if (nanoseconds < 1e6) return `${(nanoseconds / 1e3).toPrecision(3)}us`
  if (nanoseconds < 1e9) return `${(nanoseconds / 1e6).toPrecision(3)}ms`
  return `${(nanoseconds / 1e9).toPrecision(3)}s`
}

const right = (title: string, cell: (row: CgroupResult) => string): Column<CgroupResult> => ({
  title,
  cell,
  align: "right"
})

const gap = ({ stats }: CgroupResult): string =>
  stats.maxGapMs === null
    ? ""
    : `${number(stats.maxGapMs, 1)}ms${stats.maxGapCpu === null ? "" : ` cpu${stats.maxGapCpu}`}`

const statsColumns: ReadonlyArray<Column<CgroupResult>> = [
  { title: "cgroup", cell: ({ name }) => printable(name) || "/" },
  { title: "work", cell: ({ workType }) => printable(workType) },
  { title: "cpuset", cell: ({ cpuset }) => cpuset },
  right("workers", ({ stats }) => String(stats.workers)),
  right("cpus", ({ stats }) => String(stats.cpus)),
  right("cpu time", ({ stats }) => duration(stats.cpuTimeNs)),
  right("off-cpu", ({ stats }) => (stats.avgOffCpuPct === null ? "" : `${number(stats.avgOffCpuPct, 1)}%`)),
  right("spread", ({ stats }) => (stats.spreadPct === null ? "" : `${number(stats.spreadPct, 1)}%`)),
  right("max gap", gap),
  right("migrations", ({ stats }) => count(stats.migrations)),
  right("iterations", ({ stats }) => count(stats.iterations)),
  right("p50 wake", ({ stats }) => duration(stats.p50WakeLatencyNs)),
  right("p99 wake", ({ stats }) => duration(stats.p99WakeLatencyNs))
]

/**
 * Returns the numbers of each cgroup as a table without indentation; empty if there is no cgroup.
 *
 * @since 0.1.0
 * @category rendering
 */
export const renderStats = (cgroups: ReadonlyArray<CgroupResult>): ReadonlyArray<string> =>
  cgroups.length === 0 ? [] : renderTable(statsColumns, cgroups)

const endOf = ({ end }: PayloadResult): string => {
  if (end.code !== null) return `${end.kind === "Stopped" ? "told to end, " : ""}exit ${end.code}`
  switch (end.kind) {
    case "Stopped":
      return "told to end"
    case "TimedOut":
      return "killed at its deadline"
    case "NotRun":
      return "not run"
    case "Lost":
      return "no end heard of"
    default:
      return `signal ${end.signal ?? "?"}`
  }
}

/** Maximum number of metrics shown per payload; JSON has all. */
const shownMetrics = 8

/** Number of lines shown of a failed payload's standard error, or of its standard output if standard error is empty. */
const shownLines = 5

const metricText = ({ name, unit, value }: PayloadResult["metrics"][number]): string =>
  `${name} ${Number(value.toPrecision(6))}${unit === null || unit === "" ? "" : ` ${unit}`}`

/**
 * Describes each run of a payload: how it ended, the requested metrics (else its first ones), and its last lines if it did not pass.
 *
 * @since 0.1.0
 * @category rendering
 */
export const renderPayloads = (payloads: ReadonlyArray<PayloadResult>): ReadonlyArray<string> =>
  payloads.flatMap((payload) => {
    const { cgroup, durationMs, metrics, name, outcome, stderrTail, stdoutTail } = payload
    const where = cgroup === "/" ? "" : ` in ${cgroup}`
    const more = metrics.length - shownMetrics
    const tail = stderrTail.length > 0 ? stderrTail : stdoutTail
    return [
      `payload ${name}${where}: ${endOf(payload)} after ${(durationMs / 1000).toFixed(1)}s`,
      ...metrics.slice(0, shownMetrics).map((metric) => `  ${metricText(metric)}`),
      ...(more > 0 ? [`  … ${more} more with --format json`] : []),
      ...(outcome === "pass" ? [] : tail.slice(-shownLines).map((line) => `  | ${line}`))
    ].map(printable)
  })
