/**
 * The standard streams as reporters and commands see them.
 *
 * @since 0.1.0
 */

import type { ReporterOutput } from "@ktstr/core"
import type { ReporterStream } from "@ktstr/core/report"
import { Effect } from "effect"
import { type OutputFault, openStandardStream, type StandardStream } from "./StandardStream.ts"

/**
 * Whether to colour: FORCE_COLOR (other than `0` and `false`) says yes, a non-empty NO_COLOR no, else a terminal that is not
 * `dumb` is coloured. https://no-color.org, https://force-color.org
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
    // Done when the system has it: what does not wait for a slow reader keeps all of its output in memory.
    write: (text) => writeBytes(standard, text),
    terminal,
    color: wantsColor(process.env, terminal),
    get columns() {
      return terminal && stream.columns > 0 ? stream.columns : 80
    }
  }
}

/**
 * Writes text or bytes as they are; done when the stream has taken them, or can't.
 *
 * @since 0.2.0
 * @category writing
 */
export const writeBytes = (stream: StandardStream, data: string | Uint8Array): Effect.Effect<void> =>
  Effect.async<void>((resume) => stream.write(data, () => resume(Effect.void)))

/**
 * Standard output for the result, standard error for the rest, and both as they take bytes.
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
