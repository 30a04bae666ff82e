/**
 * Results as text for people.
 *
 * @since 0.1.0
 */
import {
  type CgroupResult,
  negligibleShare,
  type Outcome,
  type PayloadResult,
  type RunResult,
  runName
} from "@ktstr/core"
import { type Column, renderTable, type Style, styled } from "./Table.ts"

const badge: Readonly<Record<Outcome, readonly [word: string, style: Style]>> = {
  pass: ["PASS", "green"],
  fail: ["FAIL", "red"],
  skip: ["SKIP", "yellow"],
  inconclusive: ["INCONCLUSIVE", "yellow"]
}

const number = (value: number | null, digits: number): string => (value === null ? "" : value.toFixed(digits))

/** 1234567 → `1.23M`. */
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
 * Nanoseconds in the unit that reads best: `850ns`, `12.5us`, `3.10ms`, `4.98s`.
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
  { title: "cgroup", cell: ({ name }) => name || "/" },
  { title: "work", cell: ({ workType }) => workType },
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
 * The numbers of each cgroup as a table, without indentation; nothing when there is no cgroup.
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

/** Metrics shown of each payload; JSON has them all. */
const shownMetrics = 8

/** Lines of a failed payload's standard error, or of its standard output when there is none. */
const shownLines = 5

const metricText = ({ name, unit, value }: PayloadResult["metrics"][number]): string =>
  `${name} ${Number(value.toPrecision(6))}${unit === null || unit === "" ? "" : ` ${unit}`}`

/**
 * Each run of a payload: how it ended, the metrics asked for (else its first), and its last lines when it did not pass.
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
    ]
  })

const describeClock: Readonly<Record<RunResult["clock"], string>> = {
  kvm: "kvm clock",
  "qemu-kvm": "qemu-kvm clock",
  emulated: "emulated clock",
  deterministic: "deterministic clock, virtual time",
  host: "host clock"
}

/** `scx_mine (llc+steal) attached in 312 ms`. */
const schedulerOf = ({ scheduler, schedulerReport }: RunResult): string => {
  if (schedulerReport === null) return scheduler
  const { attachMs, profile } = schedulerReport
  const name = profile === "default" ? scheduler : `${scheduler} (${profile})`
  return attachMs === null ? name : `${name} attached in ${Math.round(attachMs)} ms`
}

const setting = (result: RunResult): string => {
  const release = result.kernel.release || result.kernel.image
  return [
    `on ${result.topology.requested}`,
    ...(release === "" ? [] : [`kernel ${release}`]),
    ...(result.scheduler === "" ? [] : [schedulerOf(result)]),
    describeClock[result.clock],
    `${(result.timings.totalMs / 1000).toFixed(1)} s`
  ].join(" · ")
}

/** What to give along with a deterministic run, so that another can be held against it. */
const determinismOf = ({ determinism }: RunResult): ReadonlyArray<string> =>
  determinism === null
    ? []
    : [
        `seed ${determinism.seed} · events ${determinism.eventHash.slice(0, 16)} · schedule ${determinism.scheduleHash?.slice(0, 16) ?? "unknown"}`
      ]

/** Where the host took more of the run than it may without excusing anything. */
const hostDelayOf = ({ hostDelayMs, hostDelayShare }: RunResult): ReadonlyArray<string> =>
  hostDelayMs === null || hostDelayShare === null || hostDelayShare <= negligibleShare
    ? []
    : [
        `the host kept the machine waiting for ${duration(hostDelayMs * 1e6)}, ${Math.round(100 * hostDelayShare)}% of the run`
      ]

const diagnosticsOf = ({ diagnostics }: RunResult): ReadonlyArray<string> =>
  diagnostics === null
    ? []
    : [
        "--- diagnostics ---",
        `stage: ${diagnostics.stage}`,
        ...(diagnostics.exit === "" ? [] : [`machine: ${diagnostics.exit}`]),
        ...(diagnostics.consoleTail.length === 0
          ? []
          : ["console:", ...diagnostics.consoleTail.map((line) => `  ${line}`)])
      ]

const section = (title: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length === 0 ? [] : [`--- ${title} ---`, ...lines]

/**
 * @since 0.1.0
 * @category models
 */
export interface ResultTextOptions {
  readonly color: boolean
  /** Print the result's warnings too. */
  readonly warnings?: boolean
}

/**
 * A result as text: the verdict with what went wrong first on one line, the other details, the numbers per cgroup, then
 * `--- scheduler log ---`, `--- diagnostics ---` and `--- sched_ext dump ---` where they have content, and where all is saved. Ends with a line end.
 *
 * @since 0.1.0
 * @category rendering
 */
export const renderResult = (result: RunResult, options: ResultTextOptions): string => {
  const style = styled(options.color)
  const [word, colour] = badge[result.outcome]
  const [first, ...others] = result.details
  const headline = `${style(word, "bold", colour)} ${style(runName(result), "bold")}`
  const where = style(setting(result), "dim")
  return [
    ...(first === undefined
      ? [`${headline} ${where}`]
      : [`${headline}: ${first}`, ...others.map((line) => `  ${line}`), `  ${where}`]),
    ...renderStats(result.cgroups).map((line, row) => `  ${row === 0 ? style(line, "dim") : line}`),
    ...hostDelayOf(result).map((line) => `  ${style(line, "dim")}`),
    ...determinismOf(result).map((line) => `  ${style(line, "dim")}`),
    ...renderPayloads(result.payloads).map((line) => `  ${line}`),
    ...(options.warnings === true ? result.warnings.map((line) => `  ${style("warning:", "yellow")} ${line}`) : []),
    ...section("scheduler log", result.schedulerReport?.log ?? []),
    ...diagnosticsOf(result),
    ...section("sched_ext dump", result.schedulerReport?.dump ?? []),
    ...(result.savedIn === null ? [] : [`saved in ${result.savedIn}`]),
    ""
  ].join("\n")
}
