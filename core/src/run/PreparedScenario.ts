import type { FileSystem, Path } from "@effect/platform"
import type { Effect, Scope } from "effect"
import type { Assert, PlannedCgroup, PlannedGroup } from "../check/index.ts"
import type { Vm } from "../machine/index.ts"
import type { OutputFormatError, OutputFormats, PayloadError, PayloadResult, PayloadSpec } from "../payload/index.ts"
import type { PayloadPlace, Perturbation, Plan, PlanError } from "../plan/index.ts"
import type { ScenarioContext } from "../scenario/index.ts"
import type { SessionOptions, SessionRecord, SessionResult } from "../session/index.ts"
import type { WorkTypes } from "../work/index.ts"
import type { ProgramFailure } from "./endCauses.ts"
import type { Deadlines } from "./GuestSetup.ts"
import type { SettledScenario } from "./RunRequest.ts"
import type { RunTarget } from "./RunTarget.ts"
import type { Scheduling } from "./scheduling.ts"

/** Services that read the output of payloads. */
export type PayloadServices = OutputFormats | FileSystem.FileSystem | Path.Path

/** Why a scenario could not be prepared. */
export type PreparationError = PlanError | PayloadError | OutputFormatError

/** What both ways to prepare a scenario need. */
export interface PreparationOptions {
  readonly request: SettledScenario
  readonly target: RunTarget
  readonly ctx: ScenarioContext
  readonly scheduling: Scheduling
  readonly payloadPlace: PayloadPlace
  /** For the time limits. */
  readonly machine: {
    readonly cpus: number
    readonly bootMs: number | undefined
    /** Longest time in milliseconds that the scheduler under test may take to attach; 0: no such scheduler. */
    readonly attachMs: number
  }
}

/** How a run follows its machine. */
export interface FollowOptions extends SessionOptions {
  /** Receives every event of the session, and is complete at its end. */
  readonly record: SessionRecord
  /** Receives progress that the agent does not report itself. */
  readonly onHolding: (elapsedNs: number, holdNs: number) => Effect.Effect<void>
}

/** What ran, for the checks and the result. */
export interface ScenarioRun {
  readonly session: SessionResult
  readonly groups: ReadonlyArray<PlannedGroup>
  readonly cgroups: ReadonlyArray<PlannedCgroup>
  readonly payloads: ReadonlyArray<PayloadResult>
  /** Why the scenario's own program failed; empty if it did not. */
  readonly failures: ReadonlyArray<ProgramFailure>
}

/** A scenario that is ready to run: as a plan, which the agent receives in full, or as a program, which sends commands one by one. */
export interface PreparedScenario {
  /** The scenario's own layer of checks. */
  readonly assert: Assert
  /** The scenario takes CPUs away on purpose. */
  readonly cpuHotplug: boolean
  /** Warnings of the preparation. */
  readonly warnings: ReadonlyArray<string>
  /** Files that the work needs where it runs, without duplicates. */
  readonly includes: ReadonlyArray<string>
  readonly limits: Deadlines
  /** The plan that the agent runs by itself; undefined: the agent takes commands. */
  readonly plan: Plan | undefined
  /** The change that a deterministic run's seed made to the plan. */
  readonly perturbation: Perturbation | undefined
  /** Payloads known in advance, by the ID of their process. */
  readonly payloadSpecs: ReadonlyMap<number, PayloadSpec>
  /** Runs the scenario in a started machine, to the end of the session. Whatever the guest does is in the result. */
  readonly run: (
    vm: Vm,
    options: FollowOptions
  ) => Effect.Effect<ScenarioRun, never, Scope.Scope | WorkTypes | PayloadServices>
}
