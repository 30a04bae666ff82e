/**
 * The built-in output formats of payloads.
 *
 * @since 0.1.0
 */

import { OutputFormat } from "@ktstr/core"
import type { RegisterError } from "@ktstr/core/base"
import type { OutputFormats } from "@ktstr/core/payload"
import type { Layer } from "effect"
import { ExitCode } from "./ExitCode.ts"
import { Fio } from "./Fio.ts"
import { Json } from "./Json.ts"
import { Regex } from "./Regex.ts"
import { Schbench } from "./Schbench.ts"
import { StressNg } from "./StressNg.ts"

export { type RegexMetrics, regex } from "./Regex.ts"
export { ExitCode, Fio, Json, Regex, Schbench, StressNg }

/**
 * All entries in their listed order.
 *
 * @since 0.1.0
 * @category output formats
 */
export const outputFormats: ReadonlyArray<OutputFormat> = [ExitCode, Json, Regex, Schbench, Fio, StressNg]

/**
 * Registers all entries in a registry: `Layer.provideMerge(layerBuiltinOutputFormats, layerOutputFormats)`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBuiltinOutputFormats: Layer.Layer<never, RegisterError, OutputFormats> =
  OutputFormat.layerAll(outputFormats)
