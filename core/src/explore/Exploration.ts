/**
 * Collects the results of many seeds of one scenario.
 *
 * @since 0.1.0
 */
import { failureCause, type RunResult } from "../run/index.ts"

/**
 * The failures with one cause.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExploredFailure {
  readonly cause: string
  /** Seeds in the order in which they failed. */
  readonly seeds: ReadonlyArray<number>
  /** Details of the first failure. */
  readonly details: ReadonlyArray<string>
}

/**
 * Counts and failures of an exploration.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExplorationSummary {
  readonly runs: number
  readonly passed: number
  readonly failed: number
  /** Runs that neither passed nor failed. */
  readonly open: number
  /** Number of distinct schedules among the completed runs. */
  readonly schedules: number
  readonly ended: number
  /** Failures, the most frequent first. */
  readonly failures: ReadonlyArray<ExploredFailure>
}

/**
 * Collects results one by one.
 *
 * @since 0.1.0
 * @category models
 */
export class Exploration {
  private readonly schedules = new Set<string>()
  private readonly failures = new Map<string, { seeds: Array<number>; details: ReadonlyArray<string> }>()
  private runs = 0
  private passed = 0
  private failed = 0
  private ended = 0

  /** Adds the result of a seed. If it failed, returns the cause, and whether it is the first failure with this cause. */
  add(seed: number, result: RunResult): { readonly cause: string; readonly first: boolean } | undefined {
    this.runs++
    if (result.outcome === "pass") this.passed++
    const schedule = result.determinism?.scheduleHash
    if (schedule !== null && schedule !== undefined) {
      this.ended++
      this.schedules.add(schedule)
    }
    const cause = failureCause(result)
    if (cause === undefined) return undefined
    this.failed++
    const known = this.failures.get(cause)
    if (known === undefined) this.failures.set(cause, { seeds: [seed], details: result.details })
    else known.seeds.push(seed)
    return { cause, first: known === undefined }
  }

  get summary(): ExplorationSummary {
    const failures = [...this.failures].map(([cause, { details, seeds }]) => ({ cause, details, seeds: [...seeds] }))
    return {
      runs: this.runs,
      passed: this.passed,
      failed: this.failed,
      open: this.runs - this.passed - this.failed,
      schedules: this.schedules.size,
      ended: this.ended,
      failures: failures.sort((a, b) => b.seeds.length - a.seeds.length)
    }
  }
}
