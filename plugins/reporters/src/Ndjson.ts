/**
 * `--format ndjson`: each event as one line of JSON on stdout, as it happens.
 *
 * @since 0.1.0
 */
import type { Reporter, RunEvent, SessionEnd } from "@ktstr/core"
import { Effect } from "effect"
import { jsonText } from "./JsonText.ts"
import { resultToJson } from "./ResultJson.ts"

/**
 * One line, without its end. `RunFinished` carries the result as `--format json` prints it.
 *
 * @since 0.1.0
 * @category conversions
 */
export const eventToLine = (event: RunEvent): string => {
  const { _tag, ...fields } = event
  return jsonText(event._tag === "RunFinished" ? { _tag, result: resultToJson(event.result) } : { _tag, ...fields })
}

/** Printed after the events, only if a run has no result. */
const endLine = (end: SessionEnd): string => {
  const { _tag, ...why } = end
  return jsonText({ _tag: "SessionEnded", end: _tag, ...why })
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
      onEnd: (_, end) =>
        end._tag === "Complete" && (end.errors ?? []).length === 0 ? Effect.void : out.write(`${endLine(end)}\n`)
    })
}
