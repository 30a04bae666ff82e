/**
 * Results as text for people.
 *
 * @since 0.1.0
 */
import type { CgroupResult, Outcome, RunResult } from "@ktstr/core"
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

const describeClock: Readonly<Record<RunResult["clock"], string>> = {
  kvm: "kvm clock",
  "qemu-kvm": "qemu-kvm clock",
  emulated: "emulated clock",
  deterministic: "deterministic clock",
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
  const headline = `${style(word, "bold", colour)} ${style(result.scenario, "bold")}`
  const where = style(setting(result), "dim")
  return [
    ...(first === undefined
      ? [`${headline} ${where}`]
      : [`${headline}: ${first}`, ...others.map((line) => `  ${line}`), `  ${where}`]),
    ...renderStats(result.cgroups).map((line, row) => `  ${row === 0 ? style(line, "dim") : line}`),
    ...(options.warnings === true ? result.warnings.map((line) => `  ${style("warning:", "yellow")} ${line}`) : []),
    ...section("scheduler log", result.schedulerReport?.log ?? []),
    ...diagnosticsOf(result),
    ...section("sched_ext dump", result.schedulerReport?.dump ?? []),
    ...(result.savedIn === null ? [] : [`saved in ${result.savedIn}`]),
    ""
  ].join("\n")
}
