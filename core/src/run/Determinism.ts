/**
 * Runs in which nothing depends on the host: the guest's time is a count of its instructions, and a seed names its schedule.
 *
 * @since 0.1.0
 */
import { Effect, Schema } from "effect"
import { sha256Hex } from "../base/index.ts"
import type { WorkerReport } from "../check/index.ts"
import { Perturbation } from "../plan/index.ts"

/**
 * What makes a run deterministic.
 *
 * @since 0.1.0
 * @category models
 */
export interface Determinism {
  /** Names the schedule: same seed, same run. */
  readonly seed: number
}

/**
 * What a run was made of: two runs with the same ingredients are the same run. Hashes are SHA-256.
 *
 * @since 0.1.0
 * @category models
 */
export class Ingredients extends Schema.Class<Ingredients>("Ingredients")({
  kernel: Schema.Struct({ version: Schema.String, sha256: Schema.String }),
  /** Of what all runs share: the agent, programs, libraries. */
  initramfs: Schema.String,
  /** Of the file that the agent runs. */
  plan: Schema.String,
  /** Null: the kernel's own. */
  scheduler: Schema.NullOr(
    Schema.Struct({ name: Schema.String, sha256: Schema.NullOr(Schema.String), args: Schema.Array(Schema.String) })
  ),
  /** The emulator and its arguments, without paths. */
  machine: Schema.Struct({ version: Schema.String, arguments: Schema.Array(Schema.String) })
}) {}

/**
 * What tells a deterministic run from every other. All its times are virtual.
 *
 * @since 0.1.0
 * @category models
 */
export class DeterminismReport extends Schema.Class<DeterminismReport>("DeterminismReport")({
  seed: Schema.Number,
  /** SHA-256 of everything the agent said, every CPU's `/proc/schedstat` at the end included. */
  eventHash: Schema.String,
  /** SHA-256 of how often each CPU switched tasks and of every migration; null: the guest did not reach its end. */
  scheduleHash: Schema.NullOr(Schema.String),
  /** What the seed did; null: it is 0, the plan's own order and times. */
  perturbation: Schema.NullOr(Perturbation),
  ingredients: Schema.NullOr(Ingredients)
}) {}

/**
 * Times that each CPU gave itself to a task, by CPU: the last number of its line in `/proc/schedstat`
 * (Documentation/scheduler/sched-stats.rst).
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
 * One number for the order in which tasks had the CPUs. Coarser than the hash of the events: runs with other times may share it.
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
