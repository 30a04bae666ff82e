/**
 * The workers of a running scenario, for scenarios that are programs instead of data.
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
  /** The kernel's error number; 0 when it is not the kernel that refused. */
  readonly errno: number
  readonly message: string
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
 * Starts and stops workers, wherever the scenario runs: the same program works in a guest (over the live channel) and on the
 * host, by the layer it is given. Starting has two phases, so that all workers of a scenario begin at once.
 *
 * @since 0.1.0
 * @category services
 */
export class WorkloadEngine extends Context.Tag("@ktstr/core/WorkloadEngine")<
  WorkloadEngine,
  {
    /** Forks workers, places them with affinity and policies, and holds them; unset count and work type: the context's. */
    readonly spawn: (cgroup: string, work: WorkSpec) => Effect.Effect<WorkloadGroup, WorkloadError, WorkTypes>
    /** The workers of the definitions, in order, for cgroups that are there (`CgroupManager.setupCgroups`). */
    readonly spawnDefs: (
      defs: ReadonlyArray<CgroupDef>
    ) => Effect.Effect<ReadonlyArray<WorkloadGroup>, WorkloadError, WorkTypes>
    /** Releases groups together. */
    readonly start: (groups: ReadonlyArray<WorkloadGroup>) => Effect.Effect<void, WorkloadError>
    readonly setAffinity: (group: WorkloadGroup, affinity: AffinityKind) => Effect.Effect<void, WorkloadError>
    /** Waits on the clock of the machine in which the workers run, under emulation the guest's; other commands go on meanwhile. */
    readonly hold: (duration: Duration.DurationInput) => Effect.Effect<void, WorkloadError>
    readonly counters: Effect.Effect<ReadonlyArray<WorkerCounters>, WorkloadError>
    /**
     * Stops groups and gives a report of every worker; one that does not answer in 5 s is killed and reported as such. Of a group that
     * was stopped before it gives the reports again.
     */
    readonly stopAndCollect: (
      groups: ReadonlyArray<WorkloadGroup>
    ) => Effect.Effect<ReadonlyArray<WorkerReport>, WorkloadError>
  }
>() {}
