/**
 * What a command is given besides its arguments.
 *
 * @since 0.1.0
 */
import type { ExitCode, ReporterOutput } from "@ktstr/core"
import type { StandardStream } from "./StandardStream.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface CommandIo extends ReporterOutput {
  /** The code of the signal that interrupted the command; of SIGINT while there was none. */
  readonly signalled: () => ExitCode
  /** What interrupted the command where that was no signal but an error that nobody caught; the command's end prints it. Default: nothing. */
  readonly stray?: (() => string | undefined) | undefined
}

/**
 * What a command is given that hands on the bytes of another program.
 *
 * @since 0.2.0
 * @category models
 */
export interface RawIo extends CommandIo {
  readonly rawOut: StandardStream
  readonly rawErr: StandardStream
}
