/**
 * The result of compiling a scenario.
 *
 * @since 0.1.0
 */
import type { PlannedCgroup, PlannedGroup } from "../check/index.ts"
import type { PayloadSpec } from "../payload/index.ts"
import type { Command } from "../protocol/index.ts"

/**
 * A payload that one `PROC_RUN` of the plan starts.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlannedPayload {
  /** Its process ID in the protocol. */
  readonly id: number
  readonly spec: PayloadSpec
  /** Step in which it is started; -1: the backdrop. */
  readonly step: number
}

/**
 * A step of the plan, with the nanoseconds for which it holds.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlannedStep {
  readonly index: number
  readonly label: string
  readonly holdNs: number
}

/**
 * A compiled plan without its checks.
 *
 * @since 0.2.0
 * @category models
 */
export interface CompiledPlan {
  readonly commands: ReadonlyArray<Command>
  /** Every group, by its number. */
  readonly groups: ReadonlyArray<PlannedGroup>
  /** Every payload, in order of start. Programs in `commands` have their paths on this host: see `preparePayloads`. */
  readonly payloads: ReadonlyArray<PlannedPayload>
  /** Every cgroup ever created, in order. */
  readonly cgroups: ReadonlyArray<PlannedCgroup>
  readonly steps: ReadonlyArray<PlannedStep>
  /** Total length of all holds in nanoseconds; starting and stopping takes additional time. */
  readonly plannedNs: number
  readonly warnings: ReadonlyArray<string>
  /** Files of this host that its work types and payloads need in the guest, as for `-i`, without duplicates. */
  readonly includes: ReadonlyArray<string>
}
