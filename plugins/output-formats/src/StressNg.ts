/**
 * stress-ng, by its YAML.
 *
 * @since 0.1.0
 */
import { type MetricValue, OutputFormat } from "@ktstr/core"
import { Either } from "effect"

type Known = Pick<MetricValue, "unit" | "polarity">

/** Of what every stressor reports. */
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

/** Of what single stressors add, for example `nanosecs-per-context-switch-pipe-method`. */
const ofOther = (key: string): Known =>
  key.startsWith("nanosec") ? { unit: "ns", polarity: "lower" } : { polarity: /per-sec/.test(key) ? "higher" : "none" }

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
  read: (text) => {
    const metrics: Array<MetricValue> = []
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
      else if (stressor !== undefined && value !== "" && Number.isFinite(Number(value))) {
        metrics.push({ name: `${stressor}.${key}`, value: Number(value), ...(known[key] ?? ofOther(key)) })
      }
    }
    return Either.right(metrics)
  }
})
