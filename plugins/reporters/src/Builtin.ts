/**
 * The built-in output formats of results.
 *
 * @since 0.1.0
 */

import { Reporter } from "@ktstr/core"
import type { RegisterError } from "@ktstr/core/base"
import type { Reporters } from "@ktstr/core/report"
import { Layer } from "effect"
import { jsonReporter } from "./Json.ts"
import { ndjsonReporter } from "./Ndjson.ts"
import { prettyReporter } from "./Pretty.ts"

/**
 * Registers `pretty`, `json` and `ndjson`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBuiltinReporters: Layer.Layer<never, RegisterError, Reporters> = Layer.mergeAll(
  Reporter.plugin(prettyReporter),
  Reporter.plugin(jsonReporter),
  Reporter.plugin(ndjsonReporter)
)
