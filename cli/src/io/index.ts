/**
 * Streams, terminals and questions.
 *
 * @since 0.2.0
 */
export type { CommandIo, RawIo } from "./CommandIo.ts"
export { makeEscapeKeys } from "./EscapeKeys.ts"
export { fetchLine } from "./FetchLine.ts"
export { inBackground } from "./JobControl.ts"
export { isRaw, rawMode, resizes, standardInput, terminalSize } from "./LocalTerminal.ts"
export { ask, canAsk } from "./Question.ts"
export { breakingSilence } from "./SilenceLine.ts"
export type { OutputFault } from "./StandardStream.ts"
export { type StrayFault, watchForStrayFaults } from "./StrayFaults.ts"
export { standardStreams, writeBytes } from "./Streams.ts"
export { writableFolder } from "./WritableFolder.ts"
