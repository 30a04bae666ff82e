/**
 * Declares what a command gets besides its arguments.
 *
 * @since 0.1.0
 */
import type { ExitCode, ReporterOutput } from "@ktstr/core"
import type { StandardStream } from "./StandardStream.ts"

/**
 * Gives a command its output streams and says what interrupted it.
 *
 * @since 0.1.0
 * @category models
 */
export interface CommandIo extends ReporterOutput {
  /** Returns the exit code of the signal that interrupted the command, or that of SIGINT if there was none. */
  readonly signalled: () => ExitCode
  /** Returns the message of the uncaught error that interrupted the command, if one did. It is printed when the command ends. */
  readonly stray?: (() => string | undefined) | undefined
  /** Says that a check has failed: an error that nobody catches no longer changes the command's exit code. */
  readonly checkFailed?: (() => void) | undefined
}

/**
 * Adds unbuffered streams for commands that pass on the bytes of another program.
 *
 * @since 0.2.0
 * @category models
 */
export interface RawIo extends CommandIo {
  readonly rawOut: StandardStream
  readonly rawErr: StandardStream
}
