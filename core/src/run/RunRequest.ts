/**
 * What is asked of a run, and what holds where nothing is asked.
 *
 * @since 0.1.0
 */
import type { Assert } from "../check/index.ts"
import type { ResolvedKernel } from "../kernel/index.ts"
import type { Scenario } from "../scenario/index.ts"
import type { ResolvedScheduler } from "../scheduler/index.ts"
import type { TestConstraints, Topology } from "../topology/index.ts"
import type { WorkTypeRef } from "../work/index.ts"
import type { Determinism } from "./Determinism.ts"
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
  /** The scenario's duration, which fractions of holds are of. Default 5000. */
  readonly durationMs?: number | undefined
  /** Default 2. */
  readonly workersPerCgroup?: number | undefined
  /** Takes the place of the work that the scenario leaves open. Default: the scenario's own, `SpinWait`. */
  readonly workTypeOverride?: WorkTypeRef | undefined
  /** The test's layer, above the clock's default and the scenario's own. Default: nothing. */
  readonly assert?: Assert | undefined
  /** CPUs come and go, or are not there from the start, on purpose: told in a warning, and no reason not to pass. Default: as the scenario says. */
  readonly cpuHotplug?: boolean | undefined
  /** `true`: it must fail; a pattern: it must fail and a detail must match. Default: it must pass. */
  readonly expectError?: boolean | RegExp | undefined
  /** Default 0. */
  readonly seed?: number | undefined
  /** Files and programs that the guest needs beside the agent, as specs of `resolveInclude`; libraries come along. Default: none. */
  readonly includes?: ReadonlyArray<string> | undefined
  /** Milliseconds to the agent's first frame. Default: some that grow with the CPUs. */
  readonly bootTimeoutMs?: number | undefined
  /** How it was asked for: what a result that is no pass tells of how to run it again. */
  readonly rerun?: RerunRequest | undefined
}

/**
 * One run in a machine: what, where, on which kernel, judged by what.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunRequest extends ScenarioRequest {
  readonly topology: Topology
  readonly kernel: ResolvedKernel
  /** Where the topology does not meet them the run is skipped. Default: those of the scheduler. */
  readonly constraints?: TestConstraints | undefined
  /** Default: the kernel's own. */
  readonly scheduler?: ResolvedScheduler | undefined
  /** SHA-256 of its program when the run was asked for before, or the beginning of it: there is a warning where the program is another now. */
  readonly schedulerSha256?: string | undefined
  /** How long a worker may be runnable without running before the scheduler under test is ended; 0: for ever. Default 2000. */
  readonly watchdogMs?: number | undefined
  /** The kernel's own watchdog, at most 30. Default: as the scheduler's `timeout_ms` has it. Only of a scheduler that is a program. */
  readonly watchdogTimeoutS?: number | undefined
  /** MiB. Default: 2048, raised to what the topology and the initramfs need. */
  readonly memoryMb?: number | undefined
  /** Default: the machine has the host's time. */
  readonly determinism?: Determinism | undefined
  /** More telemetry, which changes what a deterministic machine does: its instructions count as well. */
  readonly trace?: RunTrace | undefined
  /** Added to the kernel command line, after ktstr's own. Default: none. */
  readonly kargs?: ReadonlyArray<string> | undefined
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

/** Those that a run needs, whoever asked. */
type Needed = "durationMs" | "workersPerCgroup" | "assert" | "seed" | "includes"

type Settled<A, K extends keyof A> = A & { readonly [P in K]-?: Exclude<A[P], undefined> }

/** A request of which nothing that a run needs is open. */
export type SettledScenario = Settled<ScenarioRequest, Needed>

/** The same of a run in a machine. */
export type SettledRun = Settled<RunRequest, Needed | "kargs">

/** Fills in the defaults. */
export const settleScenario = <A extends ScenarioRequest>(request: A): A & SettledScenario => ({
  ...request,
  durationMs: request.durationMs ?? 5000,
  workersPerCgroup: request.workersPerCgroup ?? 2,
  assert: request.assert ?? {},
  seed: request.seed ?? 0,
  includes: request.includes ?? []
})

/** Fills in the defaults. */
export const settleRun = (request: RunRequest): SettledRun => ({
  ...settleScenario(request),
  kargs: request.kargs ?? []
})
