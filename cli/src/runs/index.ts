/**
 * Sessions in which scenarios and tests run.
 *
 * @since 0.2.0
 */
export { runInGuest } from "./GuestCommand.ts"
export { kernelWord, rerunEnvironment, runWords } from "./RerunWords.ts"
export {
  makeSeedRuns,
  noOptions,
  optionsOfReplay,
  type SeedOptions,
  type SeedRuns,
  settledOptions
} from "./SeedRuns.ts"
export { runSession } from "./Session.ts"
export { hearProgress } from "./TestProgress.ts"
export { makeTestRuns, withoutResult } from "./TestRuns.ts"
export { makeTestScreen, type TestScreen } from "./TestScreen.ts"
export { vitestFailed } from "./VitestConfig.ts"
export { loadVitest, openVitest, stoppable } from "./VitestSession.ts"
