/**
 * Output format of Output format of schbench, the scheduler benchmark.
 *
 * @since 0.1.0
 */

import { OutputFormat } from "@ktstr/core"
import type { MetricValue, OutputReport } from "@ktstr/core/payload"
import { Either } from "effect"

/** `Wakeup Latencies percentiles (usec) runtime 30 (s) (100 total samples)`; before version 1: `Latency percentiles (usec)`. */
const heading = /^\s*(?:(\w+) )?(Latenc(?:y|ies)|RPS) percentiles \((\w+)\)(?:.*\((\d+) total samples\))?/i

/** `* 99.0th: 175        (2590 samples)`; `*99.0000th: 1090`. */
const percentile = /^\s*\*?\s*([\d.]+)th:\s+(\d+)/

const extremes = /^\s*min=(\d+), max=(\d+)/

const average = /^\s*average rps:\s+([\d.]+)/

/** A block of percentiles: the names of its metrics and their unit. */
interface Block {
  readonly name: string
  readonly unit: string
  readonly polarity: "higher" | "lower"
}

const blockOf = ([, what, kind, unit]: RegExpExecArray): Block =>
  kind?.toUpperCase() === "RPS"
    ? { name: "rps", unit: "requests/s", polarity: "higher" }
    : {
        name: what === undefined ? "latency" : `${what.toLowerCase()}_latency`,
        unit: unit === "usec" ? "us" : (unit ?? ""),
        polarity: "lower"
      }

type Metrics = Map<string, MetricValue>

/** The last of several reports ends with the same blocks as the others; a single report ends with the extremes of its last block. */
const toReports = (
  reports: ReadonlyArray<Metrics>,
  { last, ended }: { readonly last: Block | undefined; readonly ended: boolean }
): ReadonlyArray<OutputReport> => {
  const before = reports.at(-2)
  return reports.map((metrics, index): OutputReport => {
    if (index < reports.length - 1) return { metrics: [...metrics.values()] }
    const missing = [...(before?.keys() ?? [])].find((name) => !metrics.has(name) && name !== "rps.average")
    const whole = ended && missing === undefined && (last === undefined || metrics.has(`${last.name}.max`))
    return whole
      ? { metrics: [...metrics.values()] }
      : { metrics: [], broken: `breaks off${last === undefined ? "" : ` in the percentiles of ${last.name}`}` }
  })
}

/**
 * `wakeup_latency.p99`, `request_latency.p99` (us), `rps.p50`, `rps.average`, …, one report for each interval. Versions before 1 have
 * `latency.p99`.
 *
 * @since 0.1.0
 * @category output formats
 */
export const Schbench: OutputFormat = OutputFormat.make({
  name: "schbench",
  description: "percentiles of schbench: wakeup_latency.p99, request_latency.p99, rps.p50, …",
  reports: (text) => {
    const reports: Array<Metrics> = []
    const seen = new Set<string>()
    const add = ({ polarity, unit, name }: Block, leaf: string, value: string | undefined) =>
      reports.at(-1)?.set(`${name}.${leaf}`, { name: `${name}.${leaf}`, value: Number(value), unit, polarity })
    let block: Block | undefined
    for (const line of text.split("\n")) {
      const begins = heading.exec(line)
      if (begins !== null) {
        block = blockOf(begins)
        if (reports.length === 0 || seen.has(block.name)) {
          reports.push(new Map())
          seen.clear()
        }
        seen.add(block.name)
        if (begins[4] !== undefined) add({ ...block, unit: "", polarity: "higher" }, "samples", begins[4])
      }
      const rps = average.exec(line)
      if (rps !== null) add({ name: "rps", unit: "requests/s", polarity: "higher" }, "average", rps[1])
      if (block === undefined) continue
      const at = percentile.exec(line)
      if (at !== null) add(block, `p${Number(at[1])}`, at[2])
      const range = extremes.exec(line)
      if (range !== null) {
        add(block, "min", range[1])
        add(block, "max", range[2])
      }
    }
    return Either.right(toReports(reports, { last: block, ended: text.endsWith("\n") }))
  }
})
