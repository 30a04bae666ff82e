/**
 * Output format of stress-ng: its YAML.
 *
 * @since 0.1.0
 */

import { OutputFormat } from "@ktstr/core"
import type { MetricValue } from "@ktstr/core/payload"
import { Either } from "effect"

type Known = Pick<MetricValue, "unit" | "polarity">

/** Units of the metrics that every stressor reports. */
const known: Readonly<Record<string, Known>> = {
  "bogo-ops": { unit: "bogo-ops", polarity: "higher" },
  "bogo-ops-per-second-usr-sys-time": { unit: "bogo-ops/s", polarity: "higher" },
  "bogo-ops-per-second-real-time": { unit: "bogo-ops/s", polarity: "higher" },
  "wall-clock-time": { unit: "s", polarity: "none" },
  "user-time": { unit: "s", polarity: "none" },
  "system-time": { unit: "s", polarity: "none" },
  "cpu-usage-per-instance": { unit: "%", polarity: "none" },
  "max-rss": { unit: "KiB", polarity: "none" }
}

/** Units of metrics that single stressors add, for example `nanosecs-per-context-switch-pipe-method`. */
const ofOther = (key: string): Known =>
  key.startsWith("nanosec") ? { unit: "ns", polarity: "lower" } : { polarity: /per-sec/.test(key) ? "higher" : "none" }

/** Parses a number as printf writes it, including `nan` and `inf`; undefined if it is not a number. */
const numberOf = (text: string): number | undefined => {
  if (/^[-+]?\.?nan$/i.test(text)) return Number.NaN
  if (/^[-+]?\.?inf$/i.test(text)) return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  return Number.isFinite(Number(text)) ? Number(text) : undefined
}

/**
 * `cpu.bogo-ops-per-second-real-time`, …: the name of the stressor and the key, as the section `metrics` of the YAML has them.
 * stress-ng writes it to a file; `/proc/self/fd/1` is its standard output. Adds `--metrics --yaml /proc/self/fd/1`.
 *
 * @since 0.1.0
 * @category output formats
 */
export const StressNg: OutputFormat = OutputFormat.make({
  name: "stress-ng",
  description: "the YAML of stress-ng: STRESSOR.bogo-ops-per-second-real-time, …",
  args: ["--metrics", "--yaml", "/proc/self/fd/1"],
  reports: (text) => {
    const metrics: Array<MetricValue> = []
    const others = new Map<string, string>()
    let inside = false
    let stressor: string | undefined
    for (const line of text.split("\n")) {
      // A key at the margin begins another section.
      if (/^[\w-]+:\s*$/.test(line)) inside = line.startsWith("metrics:")
      if (!inside) continue
      const pair = /^\s+(-\s+)?([^\s:][^:]*):\s+(.*?)\s*$/.exec(line)
      if (pair === null) continue
      const [, item, key = "", value = ""] = pair
      if (item !== undefined && key === "stressor") stressor = value.replace(/^(['"])(.*)\1$/, "$2")
      else if (stressor !== undefined && value !== "") {
        const name = `${stressor}.${key}`
        const read = numberOf(value)
        if (read === undefined) others.set(name, "text, not a number")
        else metrics.push({ name, value: read, ...(known[key] ?? ofOther(key)) })
      }
    }
    if (metrics.length === 0) return Either.right([])
    // Half a number looks like a whole one; only the mark at the end shows that nothing is missing.
    return Either.right([
      /^\.\.\.\s*$/m.test(text)
        ? { metrics, others }
        : { metrics: [], broken: "is YAML that breaks off: there is no '...' at its end" }
    ])
  }
})
