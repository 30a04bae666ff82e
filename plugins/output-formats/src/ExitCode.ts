/**
 * Output format of payloads of which only the exit status counts.
 *
 * @since 0.1.0
 */
import { OutputFormat } from "@ktstr/core"
import { Either } from "effect"

/**
 * @since 0.1.0
 * @category output formats
 */
export const ExitCode: OutputFormat = OutputFormat.make({
  name: "ExitCode",
  description: "reads nothing: how the program ends is all there is",
  reads: false,
  read: () => Either.right([])
})
