/**
 * Deterministic runs, which do not depend on the host: guest time is a count of instructions, and a seed determines the schedule.
 *
 * @since 0.1.0
 */
import { Effect, Schema } from "effect"
import { sha256Hex } from "../base/index.ts"
import type { WorkerReport } from "../check/index.ts"
import { Perturbation } from "../plan/index.ts"

/**
 * Makes a run deterministic.
 *
 * @since 0.1.0
 * @category models
 */
export interface Determinism {
  /** Selects the schedule: the same seed gives the same run. */
  readonly seed: number
}

/**
 * Everything that a run is made from: runs with the same ingredients are identical. Hashes are SHA-256.
 *
 * @since 0.1.0
 * @category models
 */
export class Ingredients extends Schema.Class<Ingredients>("Ingredients")({
  kernel: Schema.Struct({ version: Schema.String, sha256: Schema.String }),
  /** Hash of what all runs share: the agent, programs, libraries. */
  initramfs: Schema.String,
  /** Hash of the file that the agent runs. */
  plan: Schema.String,
  /** Null: the kernel's own scheduler. */
  scheduler: Schema.NullOr(
    Schema.Struct({ name: Schema.String, sha256: Schema.NullOr(Schema.String), args: Schema.Array(Schema.String) })
  ),
  /** The emulator's version, and its arguments without paths. */
  machine: Schema.Struct({ version: Schema.String, arguments: Schema.Array(Schema.String) })
}) {}

/**
 * What identifies a deterministic run. All its times are virtual.
 *
 * @since 0.1.0
 * @category models
 */
export class DeterminismReport extends Schema.Class<DeterminismReport>("DeterminismReport")({
  seed: Schema.Number,
  /** SHA-256 of everything the agent sent, including every CPU's `/proc/schedstat` at the end. */
  eventHash: Schema.String,
  /** SHA-256 of every CPU's number of task switches and of every migration; null if the guest did not reach its end. */
  scheduleHash: Schema.NullOr(Schema.String),
  /** What the seed changed; null for seed 0, which keeps the plan's own order and times. */
  perturbation: Schema.NullOr(Perturbation),
  ingredients: Schema.NullOr(Ingredients)
}) {}

/**
 * Returns how often each CPU switched to a task, by CPU: the last number of its line in `/proc/schedstat` (Documentation/scheduler/sched-stats.rst).
 *
 * @since 0.1.0
 * @category parsing
 */
export const switchesOf = (schedstat: string): ReadonlyArray<number> =>
  schedstat.split("\n").flatMap((line) => {
    const found = /^cpu\d+ .*\b(\d+)$/.exec(line.trimEnd())
    return found === null ? [] : [Number(found[1])]
  })

/**
 * Returns a hash of the order in which tasks ran on the CPUs. Coarser than the hash of the events: runs with different times may share it.
 *
 * @since 0.1.0
 * @category hashing
 */
export const scheduleHash = (schedstat: string, reports: ReadonlyArray<WorkerReport>): Effect.Effect<string> =>
  Effect.suspend(() => {
    const migrations = reports.map(({ cgroup, index, migrations }) => [
      cgroup,
      index,
      migrations.map(({ from, to }) => [from, to])
    ])
    return sha256Hex(new TextEncoder().encode(JSON.stringify([switchesOf(schedstat), migrations])))
  })
