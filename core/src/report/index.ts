/**
 * Reporters and exit codes.
 *
 * @since 0.2.0
 */
export {
  type ErrorWithExitCode,
  ExitCode,
  type ExitCodes,
  exitCodeOfError,
  exitCodeOfResults,
  type KtstrError
} from "./ExitCode.ts"
export {
  layerReporters,
  makeReporters,
  openReporter,
  Reporter,
  type ReporterHooks,
  type ReporterOutput,
  type ReporterSession,
  type ReporterStream,
  Reporters,
  SessionEnd,
  type SessionError
} from "./Reporter.ts"
export { UnknownReporter } from "./UnknownReporter.ts"
