/**
 * Output format that finds numbers by regular expressions.
 *
 * @since 0.1.0
 */

import { OutputFormat, OutputRef, Polarity } from "@ktstr/core"
import type { MetricValue } from "@ktstr/core/payload"
import { Either, Schema } from "effect"

const isExpression = (text: string): boolean => {
  try {
    new RegExp(text, "m")
    return true
  } catch {
    return false
  }
}

const Expression = Schema.Union(
  Schema.String.pipe(Schema.filter((text) => isExpression(text) || "it is no regular expression")),
  Schema.instanceOf(RegExp)
)

const Patterns = Schema.Struct({
  metrics: Schema.Record({
    key: Schema.String,
    value: Schema.Struct({
      pattern: Expression,
      unit: Schema.optional(Schema.String),
      polarity: Schema.optional(Polarity)
    })
  })
})

/**
 * Patterns of metrics by name. The number is the group called `value`, else the first group, else the whole match; of
 * several matches the last counts, as programs print their totals last. Text is a pattern whose `^` and `$` match at every line.
 *
 * @since 0.1.0
 * @category models
 */
export type RegexMetrics = (typeof Patterns.Type)["metrics"]

const expressionOf = (pattern: string | RegExp): RegExp =>
  typeof pattern === "string"
    ? new RegExp(pattern, "gm")
    : new RegExp(pattern.source, pattern.flags.includes("g") ? pattern.flags : `${pattern.flags}g`)

/** Maximum number of characters of a match in a message. */
const maxQuotedLength = 60

const lastMatch = (text: string, expression: RegExp): RegExpExecArray | undefined => {
  let last: RegExpExecArray | undefined
  for (const match of text.matchAll(expression)) last = match
  return last
}

/** Digits grouped by commas are a number too. */
const numberOf = (text: string): number => (text.trim() === "" ? Number.NaN : Number(text.trim().replaceAll(",", "")))

/**
 * Option `metrics`: see {@link regex}.
 *
 * @since 0.1.0
 * @category output formats
 */
export const Regex: OutputFormat = OutputFormat.make({
  name: "regex",
  description: "numbers found by regular expressions, one for each metric",
  options: Patterns,
  reports: (text, { metrics }) => {
    const found: Array<MetricValue> = []
    const others = new Map<string, string>()
    for (const [name, { pattern, polarity, unit }] of Object.entries(metrics)) {
      const match = lastMatch(text, expressionOf(pattern))
      if (match === undefined) continue
      const written = match.groups?.value ?? match[1] ?? match[0]
      const value = numberOf(written)
      if (Number.isFinite(value)) found.push({ name, value, unit, polarity })
      else others.set(name, `${JSON.stringify(written.slice(0, maxQuotedLength))}, not a number`)
    }
    const [[name, other] = []] = others
    return found.length === 0 && name !== undefined
      ? Either.left(`has no number for '${name}': it is ${other}`)
      : Either.right([{ metrics: found, others }])
  }
})

/**
 * Makes an output format from patterns: `regex({ p99: { pattern: /p99=(\d+)us/, unit: "us", polarity: "lower" } })`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const regex = (metrics: RegexMetrics): OutputRef => OutputRef.of("regex", { metrics })
