/**
 * Calls output formats, which are plugins: checks their results, and reports their errors under their names.
 *
 * @since 0.2.0
 */
import { Cause, Effect, Either, Option } from "effect"
import { describeFault, pluginEffect } from "../base/index.ts"
import type { MetricValue } from "./Metric.ts"
import type { OutputReader, OutputReport } from "./OutputFormat.ts"

/** Longest time a format may take to read one stream of at most a few MiB. */
const longest = "1 minute"

const isMetric = (value: unknown): value is MetricValue => {
  if (typeof value !== "object" || value === null) return false
  const { name, polarity, unit, value: number } = value as Partial<Record<keyof MetricValue, unknown>>
  return (
    typeof name === "string" &&
    typeof number === "number" &&
    (unit === undefined || unit === null || typeof unit === "string") &&
    (polarity === undefined || ["higher", "lower", "none"].includes(String(polarity)))
  )
}

const isReport = (value: unknown): value is OutputReport => {
  if (typeof value !== "object" || value === null) return false
  const { broken, metrics, others } = value as Partial<Record<keyof OutputReport, unknown>>
  return (
    Array.isArray(metrics) &&
    metrics.every(isMetric) &&
    (others === undefined || others instanceof Map) &&
    (broken === undefined || typeof broken === "string")
  )
}

const isWhole = (value: unknown): value is ReadonlyArray<OutputReport> => Array.isArray(value) && value.every(isReport)

/**
 * Returns the reports of a text, or why there are none, as the rest of a message that starts with "its output".
 *
 * @since 0.2.0
 * @category reading
 */
export const reportsOf = (
  reader: OutputReader,
  text: string
): Effect.Effect<Either.Either<ReadonlyArray<OutputReport>, string>> => {
  const failed = (what: string) => Either.left(`can't be read: output format '${reader.name}' ${what}`)
  return pluginEffect<unknown, unknown, never>(() => reader.reports(text)).pipe(
    Effect.map((value) => (isWhole(value) ? Either.right(value) : failed("gave what are no metrics"))),
    Effect.disconnect,
    Effect.timeoutTo({
      duration: longest,
      onSuccess: (read) => read,
      onTimeout: () => failed(`did not end within ${longest}`)
    }),
    Effect.catchAllCause((cause) => {
      const failure = Cause.failureOption(cause)
      if (Option.isSome(failure) && typeof failure.value === "string") return Effect.succeed(Either.left(failure.value))
      if (Cause.isInterruptedOnly(cause)) return Effect.succeed(failed("interrupts itself"))
      return Effect.succeed(failed(`failed: ${describeFault(Cause.squash(cause))}`))
    })
  )
}
