/**
 * Output format that reads the numbers of a JSON document.
 *
 * @since 0.1.0
 */

import { OutputFormat } from "@ktstr/core"
import type { MetricValue, OutputReport } from "@ktstr/core/payload"
import { Either } from "effect"
import { parseDocuments } from "./internal/document.ts"

/** A document with more numbers is not a list of metrics. */
const leafLimit = 100_000

const depthLimit = 64

const whatIs = (value: unknown): string => (typeof value === "string" ? "text, not a number" : `${value}, not a number`)

const leaves = (document: unknown): OutputReport => {
  const metrics: Array<MetricValue> = []
  const others = new Map<string, string>()
  const walk = (value: unknown, path: string, depth: number): void => {
    if (metrics.length + others.size >= leafLimit || depth > depthLimit) return
    const name = path === "" ? "value" : path
    if (typeof value === "number") metrics.push({ name, value })
    else if (typeof value !== "object" || value === null) others.set(name, whatIs(value))
    else for (const [key, child] of Object.entries(value)) walk(child, path === "" ? key : `${path}.${key}`, depth + 1)
  }
  walk(document, "", 0)
  return { metrics, others }
}

/**
 * Every number of a document is a metric, named by its path: `jobs.0.read.iops`. Log lines around and before documents are
 * skipped; an incomplete document is a broken report.
 *
 * @since 0.1.0
 * @category output formats
 */
export const Json: OutputFormat = OutputFormat.make({
  name: "Json",
  description: "every number of a JSON document, by its dotted path",
  reports: (text) =>
    Either.map(parseDocuments(text), (documents) =>
      documents.map((found) => (found._tag === "Broken" ? { metrics: [], broken: found.why } : leaves(found.value)))
    )
})
