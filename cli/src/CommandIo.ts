/**
 * What a command is given besides its arguments.
 *
 * @since 0.1.0
 */
import type { ExitCode, ReporterOutput } from "@ktstr/core"

/**
 * @since 0.1.0
 * @category models
 */
export interface CommandIo extends ReporterOutput {
  /** The code of the signal that interrupted the command; of SIGINT while there was none. */
  readonly signalled: () => ExitCode
}
