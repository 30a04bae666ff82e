// docs/work-types.md: the work types with their parameters, and what a real guest reported of them.
import type { RunResult, WorkerReport, WorkType } from "@ktstr/core"

const policies: Readonly<Record<number, string>> = { 0: "OTHER", 1: "FIFO", 2: "RR", 3: "BATCH", 5: "IDLE", 7: "EXT" }

const sum = (reports: ReadonlyArray<WorkerReport>, of: (report: WorkerReport) => number): number =>
  reports.reduce((total, report) => total + of(report), 0)

const each = (values: ReadonlyArray<string | number>): string => [...new Set(values)].join(", ")

const row = (cells: ReadonlyArray<string | number>): string => `| ${cells.join(" | ")} |`

const micros = (ns: number | null): string => (ns === null ? "–" : (ns / 1000).toFixed(0))

const parameters = (types: ReadonlyArray<WorkType>): ReadonlyArray<string> => [
  row(["work type", "parameter", "type", "default", "from", "to", "what it is"]),
  row(["---", "---", "---", "---", "---", "---", "---"]),
  ...types.flatMap((type) =>
    type.params.map((param) =>
      row([
        type.name,
        `\`${param.name}\``,
        param.type,
        `\`${param.default}\``,
        param.min ?? "",
        param.max ?? "",
        param.description
      ])
    )
  )
]

const descriptions = (types: ReadonlyArray<WorkType>): ReadonlyArray<string> => [
  row(["work type", "also called", "group", "what a worker does"]),
  row(["---", "---", "---:", "---"]),
  ...types.map((type) => row([`**${type.name}**`, type.aliases.join(", "), type.defaultGroupSize, type.description]))
]

const telemetry = (types: ReadonlyArray<WorkType>, result: RunResult): ReadonlyArray<string> => [
  row([
    "work type",
    "workers",
    "iterations",
    "work units",
    "CPU ms",
    "wakeups",
    "p50 wake µs",
    "p99 wake µs",
    "migrations",
    "times run",
    "longest gap ms",
    "nice at end",
    "policy at end",
    "ended"
  ]),
  row(["---", ...Array.from({ length: 11 }, () => "---:"), "---", "---"]),
  ...types.flatMap((type) => {
    const cgroup = result.cgroups.find((found) => found.name === type.name)
    if (cgroup === undefined) return []
    const { stats, workers } = cgroup
    return row([
      type.name,
      workers.length,
      stats.iterations,
      stats.workUnits,
      Math.round(stats.cpuTimeNs / 1e6),
      stats.wakeups,
      micros(stats.p50WakeLatencyNs),
      micros(stats.p99WakeLatencyNs),
      stats.migrations,
      sum(workers, (report) => report.schedstat.timesRun),
      stats.maxGapMs === null ? "–" : stats.maxGapMs.toFixed(0),
      each(workers.map((report) => report.nice)),
      each(workers.map((report) => policies[report.policy] ?? report.policy)),
      each(workers.map((report) => (report.completed ? "completed" : "early")))
    ])
  })
]

/** The whole page. */
export const workTypeTable = ({
  result,
  seconds,
  fanOutComputeSeconds,
  types
}: {
  readonly types: ReadonlyArray<WorkType>
  readonly result: RunResult
  readonly seconds: number
  readonly fanOutComputeSeconds: number
}): string =>
  [
    "# Work types",
    "",
    "Made by `npm run table:work-types`; do not edit. A worker repeats its program until it is told to stop. A group is a set of workers that",
    "work together: the number of workers in a cgroup must be a multiple of the group size. [protocol.md](protocol.md#work-programs) defines the",
    "primitives.",
    "",
    ...descriptions(types),
    "",
    "## Parameters",
    "",
    'Write `--work-type Bursty:burst=10ms,sleep=20ms`, or in a scenario `WorkTypeRef.of("Bursty", { burst: "10 millis" })`. Sizes are',
    "bytes, or have a unit (`32KiB`). Durations have a unit (`10ms`); a bare number is milliseconds. `phases` are `KIND:DURATION` joined by",
    "`+`, such as `Sequence:phases=spin:10ms+sleep:5ms`.",
    "",
    ...parameters(types),
    "",
    "## What they report",
    "",
    `Each type ran for ${seconds} s in a cgroup of its own, five types at a time (FanOutCompute alone, for ${fanOutComputeSeconds} s), on ${result.topology.requested} with`,
    `Linux ${result.kernel.release}. Clock: ${result.clock}.`,
    ...(result.clock === "emulated" || result.clock === "deterministic"
      ? ["Emulated times can be compared with each other; they are not hardware latencies."]
      : []),
    "The guest had no zombie process at the end.",
    "",
    ...telemetry(types, result),
    ""
  ].join("\n")
