/**
 * `--format ndjson`: each event as one line of JSON on stdout, as it happens.
 *
 * @since 0.1.0
 */
import type { Reporter, RunEvent, SessionEnd } from "@ktstr/core"
import { Effect } from "effect"
import { resultToJson } from "./ResultJson.ts"

/**
 * One line, without its end. `type` is the event's tag, the other fields are its own; `RunFinished` carries the result as
 * `--format json` prints it, and the last line is `SessionEnded`.
 *
 * @since 0.1.0
 * @category conversions
 */
export const eventToLine = (event: RunEvent): string => {
  const { _tag, ...fields } = event
  return JSON.stringify(
    event._tag === "RunFinished" ? { type: _tag, result: resultToJson(event.result) } : { type: _tag, ...fields }
  )
}

const endLine = (runs: number, end: SessionEnd): string => {
  const { _tag, ...why } = end
  return JSON.stringify({ type: "SessionEnded", end: _tag, runs, ...why })
}

/**
 * @since 0.1.0
 * @category reporters
 */
export const ndjsonReporter: Reporter = {
  name: "ndjson",
  description: "each event as one line of JSON on stdout, as it happens",
  make: ({ out }) =>
    Effect.succeed({
      onEvent: (event) => out.write(`${eventToLine(event)}\n`),
      onEnd: (results, end) => out.write(`${endLine(results.length, end)}\n`)
    })
}
