/**
 * Exploration of many seeds of one test: causes of failures, shrinking, replays.
 *
 * @since 0.2.0
 */
export { Exploration, type ExplorationSummary, type ExploredFailure } from "./Exploration.ts"
export { countOps, type ShrinkCase, type Shrunk, shrink, smallerCases, withoutOps } from "./Shrink.ts"
