/**
 * What compiling a scenario gives.
 *
 * @since 0.1.0
 */
import type { PlannedCgroup, PlannedGroup } from "../check/index.ts"
import type { PayloadSpec } from "../payload/index.ts"
import type { Command } from "../protocol/index.ts"

/**
 * One `PROC_RUN` of the plan.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlannedPayload {
  /** Its number among the processes. */
  readonly id: number
  readonly spec: PayloadSpec
  /** Step in which it is started; -1: the backdrop. */
  readonly step: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface PlannedStep {
  readonly index: number
  readonly label: string
  readonly holdNs: number
}

/**
 * A plan before the checks it is judged by.
 *
 * @since 0.2.0
 * @category models
 */
export interface CompiledPlan {
  readonly commands: ReadonlyArray<Command>
  /** Every group, by its number. */
  readonly groups: ReadonlyArray<PlannedGroup>
  /** Every payload, in the order of their starts. Programs in `commands` are as on this host: see `preparePayloads`. */
  readonly payloads: ReadonlyArray<PlannedPayload>
  /** Every cgroup ever created, in that order. */
  readonly cgroups: ReadonlyArray<PlannedCgroup>
  readonly steps: ReadonlyArray<PlannedStep>
  /** Nanoseconds of all holds together; what starting and stopping takes comes on top. */
  readonly plannedNs: number
  readonly warnings: ReadonlyArray<string>
  /** Files of this host that its work types and payloads need in the guest, as for `-i`, each once. */
  readonly includes: ReadonlyArray<string>
}
