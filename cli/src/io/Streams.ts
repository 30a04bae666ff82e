/**
 * Provides the standard streams for reporters and commands.
 *
 * @since 0.1.0
 */

import type { ReporterOutput } from "@ktstr/core"
import type { ReporterStream } from "@ktstr/core/report"
import { Effect } from "effect"
import { type OutputFault, openStandardStream, type StandardStream } from "./StandardStream.ts"

/**
 * Returns whether to use colours. FORCE_COLOR decides (`0` and `false` mean no), then a non-empty NO_COLOR; otherwise a terminal that is not
 * `dumb` gets colours. https://no-color.org, https://force-color.org
 *
 * @since 0.1.0
 * @category accessors
 */
export const wantsColor = (environment: Readonly<Record<string, string | undefined>>, terminal: boolean): boolean => {
  const { FORCE_COLOR: force, NO_COLOR: no, TERM: kind } = environment
  if (force !== undefined && force !== "") return force !== "0" && force !== "false"
  if (no !== undefined && no !== "") return false
  return terminal && kind !== "dumb"
}

const streamOf = (stream: NodeJS.WriteStream, standard: StandardStream): ReporterStream => {
  const terminal = stream.isTTY === true
  return {
    // Done when the system has taken it: not waiting for a slow reader would keep all output in memory.
    write: (text) => writeBytes(standard, text),
    terminal,
    color: wantsColor(process.env, terminal),
    get columns() {
      return terminal && stream.columns > 0 ? stream.columns : 80
    }
  }
}

/**
 * Writes text or bytes unchanged. Completes when the stream has taken them or has failed.
 *
 * @since 0.2.0
 * @category writing
 */
export const writeBytes = (stream: StandardStream, data: string | Uint8Array): Effect.Effect<void> =>
  Effect.async<void>((resume) => stream.write(data, () => resume(Effect.void)))

/**
 * Opens standard output for results and standard error for everything else, each also as a raw byte stream.
 *
 * @since 0.1.0
 * @category constructors
 */
export const standardStreams = (
  onFault: (fault: OutputFault) => void
): ReporterOutput & { readonly rawOut: StandardStream; readonly rawErr: StandardStream } => {
  const rawOut = openStandardStream(1, onFault)
  const rawErr = openStandardStream(2, onFault)
  return { rawOut, rawErr, out: streamOf(process.stdout, rawOut), err: streamOf(process.stderr, rawErr) }
}
