/**
 * Shows the progress of a kernel download: a redrawn line on a terminal, one line per stage elsewhere.
 *
 * @since 0.1.0
 */

import type { FetchProgress } from "@ktstr/core/kernel"
import type { ReporterStream } from "@ktstr/core/report"
import { Effect } from "effect"

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)

const verbs: Readonly<Record<FetchProgress["stage"], string>> = {
  waiting: "waiting for another ktstr that works on",
  index: "reading the index of",
  download: "downloading",
  verify: "verifying",
  extract: "unpacking",
  unpack: "unpacking",
  configure: "configuring",
  compile: "compiling",
  store: "storing"
}

/**
 * Describes one stage in words, with amounts if they are known.
 *
 * @since 0.1.0
 * @category rendering
 */
export const describeFetch = (progress: FetchProgress): string => {
  const { stage, detail, done, total } = progress
  const counted = stage === "download" || stage === "unpack"
  const files = stage === "compile" && total !== undefined && done > 0 ? ` ${done} of about ${total} files` : ""
  const amount =
    !counted || (done === 0 && total === undefined)
      ? ""
      : total === undefined
        ? ` ${mebibytes(done)} MiB`
        : ` ${mebibytes(done)} of ${mebibytes(total)} MiB`
  return [verbs[stage], detail].filter((part) => part !== "").join(" ") + amount + files
}

/**
 * Returns a listener for `KernelSource.fetch`, and an effect that clears the line when the fetch is over.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fetchLine = (err: ReporterStream) => {
  let drawn = false
  let last = ""
  // Concurrent fetches interleave: each stage of each is printed once.
  const printed = new Set<string>()
  const clear = Effect.suspend(() => {
    if (!drawn) return Effect.void
    drawn = false
    return err.write("\r\u001b[K")
  })
  const onProgress = (progress: FetchProgress) =>
    Effect.suspend(() => {
      if (err.terminal) {
        const text = describeFetch(progress).slice(0, err.columns - 1)
        if (text === last) return Effect.void
        last = text
        drawn = true
        return err.write(`\r\u001b[K${text}`)
      }
      const text = describeFetch({ ...progress, done: 0, total: undefined })
      if (printed.has(text)) return Effect.void
      printed.add(text)
      return err.write(`${text}\n`)
    })
  return { onProgress, clear }
}
