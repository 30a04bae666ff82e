/**
 * `--format json`: one JSON object on stdout when the session is over.
 *
 * @since 0.1.0
 */

import type { Reporter, RunResult, SessionEnd } from "@ktstr/core"
import type { SessionError } from "@ktstr/core/report"
import { Effect } from "effect"
import { jsonText } from "./JsonText.ts"
import { type ResultJson, resultToJson } from "./ResultJson.ts"

/**
 * The printed value: the result itself if there was exactly one run and it has a result; else `runs` with the results in order,
 * `errors` of tests or files without a result, and `interrupted` or `error` if the session ended early.
 *
 * @since 0.1.0
 * @category models
 */
export type SessionJson =
  | ResultJson
  | {
      readonly runs: ReadonlyArray<ResultJson>
      readonly interrupted?: { readonly scenario: string; readonly message: string; readonly exitCode: number }
      /** Tests and files without a result, such as a file that does not load. Only from `ktstr test`. */
      readonly errors?: ReadonlyArray<SessionError>
      readonly error?: { readonly scenario: string; readonly message: string; readonly exitCode: number }
    }

/**
 * @since 0.1.0
 * @category conversions
 */
export const sessionToJson = (results: ReadonlyArray<RunResult>, end: SessionEnd): SessionJson => {
  const runs = results.map(resultToJson)
  const [only] = runs
  if (end._tag === "Complete" && end.errors !== undefined && end.errors.length > 0) return { runs, errors: end.errors }
  if (end._tag === "Complete") return runs.length === 1 && only !== undefined ? only : { runs }
  const { _tag, ...why } = end
  return _tag === "Interrupted" ? { runs, interrupted: why } : { runs, error: why }
}

/**
 * @since 0.1.0
 * @category reporters
 */
export const jsonReporter: Reporter = {
  name: "json",
  description: "one JSON object on stdout, when all is over",
  make: ({ out }) =>
    Effect.succeed({
      onEnd: (results, end) => out.write(`${jsonText(sessionToJson(results, end), out.terminal ? 2 : undefined)}\n`)
    })
}
