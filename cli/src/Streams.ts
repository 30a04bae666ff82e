/**
 * The standard streams as reporters and commands see them.
 *
 * @since 0.1.0
 */
import type { ReporterOutput, ReporterStream } from "@ktstr/core"
import { Effect } from "effect"

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

const streamOf = (stream: NodeJS.WriteStream): ReporterStream => {
  const terminal = stream.isTTY === true
  return {
    // On Linux writes to files, terminals and pipes are synchronous, so nothing is lost when the process ends.
    write: (text) =>
      Effect.sync(() => {
        if (stream.writable) stream.write(text)
      }),
    terminal,
    color: wantsColor(process.env, terminal),
    get columns() {
      return terminal && stream.columns > 0 ? stream.columns : 80
    }
  }
}

/**
 * Standard output for the result, standard error for the rest.
 *
 * @since 0.1.0
 * @category constructors
 */
export const standardStreams = (): ReporterOutput => ({
  out: streamOf(process.stdout),
  err: streamOf(process.stderr)
})
