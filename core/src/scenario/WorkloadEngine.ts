/**
 * Controls the workers of a running scenario, for scenarios that are programs instead of data.
 *
 * @since 0.1.0
 */
import { Context, Data, type Duration, type Effect } from "effect"
import type { WorkerReport } from "../check/index.ts"
import type { AffinityKind } from "../topology/index.ts"
import type { WorkTypes } from "../work/index.ts"
import type { CgroupDef } from "./CgroupDef.ts"
import type { WorkSpec } from "./WorkSpec.ts"

/**
 * Workers could not be spawned, placed or reached.
 *
 * @since 0.1.0
 * @category errors
 */
export class WorkloadError extends Data.TaggedError("WorkloadError")<{
  /** The kernel's error number; 0 if the error does not come from the kernel. */
  readonly errno: number
  readonly message: string
  /** The agent's own error, if it rejected a command. */
  readonly cause?: unknown
}> {}

/**
 * Workers that were spawned together.
 *
 * @since 0.1.0
 * @category models
 */
export interface WorkloadGroup {
  readonly group: number
  /** Empty: the root of the run. */
  readonly cgroup: string
  readonly workType: string
  readonly workers: number
}

/**
 * What a worker has done so far, read from shared memory while it runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface WorkerCounters {
  readonly group: number
  readonly index: number
  readonly iterations: number
  readonly workUnits: number
}

/**
 * Starts and stops workers wherever the scenario runs: depending on the layer, the same program works in a guest (over the live channel) or on the
 * host. Starting has two phases, so that all workers of a scenario can begin together.
 *
 * @since 0.1.0
 * @category services
 */
export class WorkloadEngine extends Context.Tag("@ktstr/core/WorkloadEngine")<
  WorkloadEngine,
  {
    /** Forks workers, sets their affinity and policies, and holds them. Unset count and work type come from the context. */
    readonly spawn: (cgroup: string, work: WorkSpec) => Effect.Effect<WorkloadGroup, WorkloadError, WorkTypes>
    /** Spawns the workers of the definitions, in order, in cgroups that already exist (`CgroupManager.setupCgroups`). */
    readonly spawnDefs: (
      defs: ReadonlyArray<CgroupDef>
    ) => Effect.Effect<ReadonlyArray<WorkloadGroup>, WorkloadError, WorkTypes>
    /** Releases groups together. */
    readonly start: (groups: ReadonlyArray<WorkloadGroup>) => Effect.Effect<void, WorkloadError>
    readonly setAffinity: (group: WorkloadGroup, affinity: AffinityKind) => Effect.Effect<void, WorkloadError>
    /** Waits by the clock of the machine in which the workers run (under emulation the guest's). Other commands are executed meanwhile. */
    readonly hold: (duration: Duration.DurationInput) => Effect.Effect<void, WorkloadError>
    readonly counters: Effect.Effect<ReadonlyArray<WorkerCounters>, WorkloadError>
    /**
     * Stops groups and returns a report of every worker. A worker that does not react within 5 s is killed and reported as such. For a group that was
     * already stopped, returns its reports again.
     */
    readonly stopAndCollect: (
      groups: ReadonlyArray<WorkloadGroup>
    ) => Effect.Effect<ReadonlyArray<WorkerReport>, WorkloadError>
  }
>() {}
