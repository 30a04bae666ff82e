/**
 * Requests for runs, and their defaults.
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
 * A request for a run in any place.
 *
 * @since 0.1.0
 * @category models
 */
export interface ScenarioRequest {
  readonly scenario: Scenario
  /** Distinguishes this run from other runs of the scenario: the result's `variant`. */
  readonly variant?: string | undefined
  /** Duration of the scenario in milliseconds; fractional holds refer to it. Default 5000. */
  readonly durationMs?: number | undefined
  /** Default 2. */
  readonly workersPerCgroup?: number | undefined
  /** Replaces the work that the scenario leaves open. Default: the scenario's own, `SpinWait`. */
  readonly workTypeOverride?: WorkTypeRef | undefined
  /** The test's layer of checks, above the clock's default and the scenario's own. Default: empty. */
  readonly assert?: Assert | undefined
  /** CPUs go offline or are missing on purpose: this causes a warning, and does not prevent a pass. Default: as the scenario says. */
  readonly cpuHotplug?: boolean | undefined
  /** `true`: the run must fail; a pattern: it must fail and one of its failures must match. Default: it must pass. */
  readonly expectError?: boolean | RegExp | undefined
  /** Default 0. */
  readonly seed?: number | undefined
  /** Files and programs that the guest needs besides the agent, as specs of `resolveInclude`; libraries are added automatically. Default: none. */
  readonly includes?: ReadonlyArray<string> | undefined
  /** Milliseconds to the agent's first frame. Default: a limit that grows with the number of CPUs. */
  readonly bootTimeoutMs?: number | undefined
  /** How the run was requested; a result other than a pass then says how to repeat it. */
  readonly rerun?: RerunRequest | undefined
}

/**
 * A request for a run in a machine: what to run, where, on which kernel, and judged by what.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunRequest extends ScenarioRequest {
  readonly topology: Topology
  readonly kernel: ResolvedKernel
  /** If the topology does not meet these constraints, the run is skipped. Default: those of the scheduler. */
  readonly constraints?: TestConstraints | undefined
  /** Default: the kernel's own scheduler. */
  readonly scheduler?: ResolvedScheduler | undefined
  /** SHA-256 of the scheduler's program in an earlier run, or a prefix of it: if the program has changed, the run gives a warning. */
  readonly schedulerSha256?: string | undefined
  /** How long a worker may be runnable without running before the scheduler under test is ended, in milliseconds; 0: forever. Default 2000. */
  readonly watchdogMs?: number | undefined
  /**
   * Timeout of the kernel's own watchdog in seconds, at most 30. Only for schedulers that are programs. Default: the scheduler's own `timeout_ms`.
   */
  readonly watchdogTimeoutS?: number | undefined
  /** Guest memory in MiB. Default: 2048, or more if the topology or the initramfs needs it. */
  readonly memoryMb?: number | undefined
  /** Default: the machine runs in host time. */
  readonly determinism?: Determinism | undefined
  /** Records more telemetry. This changes the run of a deterministic machine, because its instructions count as well. */
  readonly trace?: RunTrace | undefined
  /** Kernel arguments, added after ktstr's own. Default: none. */
  readonly kargs?: ReadonlyArray<string> | undefined
}

/**
 * Receives the telemetry of a traced run: the kernel console at loglevel 7, and the trace of task switches per CPU, in parts of the text format that
 * Perfetto reads.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunTrace {
  readonly onConsole: (lines: ReadonlyArray<string>) => void
  readonly onTrace: (part: Uint8Array) => void
}

/** Fields that every run needs and that have defaults. */
type Needed = "durationMs" | "workersPerCgroup" | "assert" | "seed" | "includes"

type Settled<A, K extends keyof A> = A & { readonly [P in K]-?: Exclude<A[P], undefined> }

/** A request with all defaults filled in. */
export type SettledScenario = Settled<ScenarioRequest, Needed>

/** A request for a run in a machine, with all defaults filled in. */
export type SettledRun = Settled<RunRequest, Needed | "kargs">

/** Fills in the defaults that every run needs. */
export const settleScenario = <A extends ScenarioRequest>(request: A): A & SettledScenario => ({
  ...request,
  durationMs: request.durationMs ?? 5000,
  workersPerCgroup: request.workersPerCgroup ?? 2,
  assert: request.assert ?? {},
  seed: request.seed ?? 0,
  includes: request.includes ?? []
})

/** Fills in the defaults of a run in a machine. */
export const settleRun = (request: RunRequest): SettledRun => ({
  ...settleScenario(request),
  kargs: request.kargs ?? []
})
