/**
 * Numbers in a JSON document.
 *
 * @since 0.1.0
 */
import { type MetricValue, OutputFormat } from "@ktstr/core"
import { Either } from "effect"
import { parseDocuments } from "./internal/document.ts"

/** A document with more is no list of metrics. */
const leafLimit = 100_000

const depthLimit = 64

const leaves = (document: unknown): ReadonlyArray<MetricValue> => {
  const found: Array<MetricValue> = []
  const walk = (value: unknown, path: string, depth: number): void => {
    if (found.length >= leafLimit || depth > depthLimit) return
    if (typeof value === "number") found.push({ name: path === "" ? "value" : path, value })
    if (typeof value !== "object" || value === null) return
    for (const [key, child] of Object.entries(value)) walk(child, path === "" ? key : `${path}.${key}`, depth + 1)
  }
  walk(document, "", 0)
  return found
}

/**
 * Every number of the document is a metric, named by its path: `jobs.0.read.iops`. Lines of a log
 * around the document are passed over; of several documents (JSON lines) the last counts.
 *
 * @since 0.1.0
 * @category output formats
 */
export const Json: OutputFormat = OutputFormat.make({
  name: "Json",
  description: "every number of a JSON document, by its dotted path",
  read: (text) => Either.map(parseDocuments(text), (documents) => leaves(documents.at(-1))),
  series: (text) => Either.map(parseDocuments(text), (documents) => documents.map(leaves))
})
