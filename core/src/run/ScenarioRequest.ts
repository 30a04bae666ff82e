/**
 * What is asked of a run, and who takes its telemetry.
 *
 * @since 0.1.0
 */
import type { Assert } from "../check/index.ts"
import type { Scenario } from "../scenario/index.ts"
import type { WorkTypeRef } from "../work/index.ts"
import type { RerunRequest } from "./Rerun.ts"

/**
 * What is asked of a run wherever it runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface ScenarioRequest {
  readonly scenario: Scenario
  /** What tells it from other runs of the scenario: the result's `variant`. */
  readonly variant?: string | undefined
  /** The scenario's duration, which fractions of holds are of. */
  readonly durationMs: number
  readonly workersPerCgroup: number
  readonly workTypeOverride: WorkTypeRef | undefined
  /** The test's layer, above the clock's default and the scenario's own. */
  readonly assert: Assert
  /** CPUs come and go, or are not there from the start, on purpose: told in a warning, and no reason not to pass. Default: as the scenario says. */
  readonly cpuHotplug?: boolean | undefined
  /** `true`: it must fail; a pattern: it must fail and a detail must match. */
  readonly expectError: boolean | RegExp | undefined
  readonly seed: number
  /** Files and programs that the guest needs beside the agent, as specs of `resolveInclude`; libraries come along. */
  readonly includes: ReadonlyArray<string>
  /** Milliseconds to the agent's first frame; undefined: a default that grows with the CPUs. */
  readonly bootTimeoutMs: number | undefined
  /** How it was asked for: what a result that is no pass tells of how to run it again. */
  readonly rerun?: RerunRequest | undefined
}

/**
 * Who takes the telemetry of a traced run: the kernel's console at loglevel 7, and the trace of who had which CPU when, in the text form that
 * Perfetto reads, in parts.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunTrace {
  readonly onConsole: (lines: ReadonlyArray<string>) => void
  readonly onTrace: (part: Uint8Array) => void
}
