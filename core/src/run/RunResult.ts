/**
 * What one run of one scenario in one machine came to: the JSON object of `ktstr run --format json`.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { CgroupStats, Outcome, TotalStats, WorkerReport } from "../check/index.ts"
import { ClockMode } from "../machine/index.ts"
import { PayloadResult } from "../payload/index.ts"
import { SchedulerReport } from "../scheduler/index.ts"
import { GuestCpu, GuestNode, InitStage, StimulusEvent } from "../session/index.ts"
import { DeterminismReport } from "./Determinism.ts"
import { Rerun } from "./Rerun.ts"

/**
 * A cgroup of the run with the reports of every worker that was ever in it.
 *
 * @since 0.1.0
 * @category models
 */
export class CgroupResult extends Schema.Class<CgroupResult>("CgroupResult")({
  name: Schema.String,
  workType: Schema.String,
  /** The cpuset it had at the end as a cpulist; empty: none of its own. */
  cpuset: Schema.String,
  stats: CgroupStats,
  workers: Schema.Array(WorkerReport)
}) {}

const Measured = Schema.NullOr(Schema.Number)

/**
 * @since 0.1.0
 * @category models
 */
export class RunResult extends Schema.Class<RunResult>("RunResult")({
  schemaVersion: Schema.Literal(1),
  scenario: Schema.String,
  /** What tells it from the runs of the same scenario beside it, such as the kernel's label where several are tested; else empty. */
  variant: Schema.optionalWith(Schema.String, { default: () => "" }),
  outcome: Outcome,
  /** One line each, the most important first; empty on a pass. */
  details: Schema.Array(Schema.String),
  clock: ClockMode,
  backend: Schema.String,
  kernel: Schema.Struct({
    /** `uname -r` in the guest; empty when the guest never said. */
    release: Schema.String,
    image: Schema.String,
    key: Schema.NullOr(Schema.String),
    /** `kernel_distro_7_3_4_deb13_amd64`; null on this machine's own. */
    label: Schema.optionalWith(Schema.NullOr(Schema.String), { default: () => null })
  }),
  topology: Schema.Struct({
    /** As asked for, `1n2l2c1t`. */
    requested: Schema.String,
    /** As the guest's sysfs reports it; null when the guest never said. */
    guest: Schema.NullOr(
      Schema.Struct({
        summary: Schema.String,
        cpus: Schema.Array(GuestCpu),
        nodes: Schema.Array(GuestNode)
      })
    )
  }),
  /** Its name; `eevdf`, before Linux 6.6 `cfs`, and `default` of a release that can't be read are the kernel's own. */
  scheduler: Schema.String,
  /** Only of a deterministic run, whose times are all virtual. */
  determinism: Schema.optionalWith(Schema.NullOr(DeterminismReport), { default: () => null }),
  /** The scheduler under test; null when the kernel's own ran. */
  schedulerReport: Schema.optionalWith(Schema.NullOr(SchedulerReport), { default: () => null }),
  /** Directory with all that a failed run said; null when nothing was saved. */
  savedIn: Schema.optionalWith(Schema.NullOr(Schema.String), { default: () => null }),
  /** How to run a run that did not pass again; null: it passed or was skipped, or whoever asked for it did not say how. */
  rerun: Schema.optionalWith(Schema.NullOr(Rerun), { default: () => null }),
  durationS: Schema.Number,
  cgroups: Schema.Array(CgroupResult),
  totals: TotalStats,
  /** Every run of a payload, in the order of their starts. */
  payloads: Schema.optionalWith(Schema.Array(PayloadResult), { default: () => [] }),
  stimuli: Schema.Array(StimulusEvent),
  /** Host milliseconds: `bootMs` from start of the machine to the agent's first frame. */
  timings: Schema.Struct({
    prepareMs: Schema.Number,
    bootMs: Schema.Number,
    runMs: Schema.Number,
    totalMs: Schema.Number
  }),
  /**
   * Host milliseconds for which the host kept the machine waiting, and their share of the time they were measured in, 0 to 1: from the agent's
   * first frame to the end, or the whole time of a machine that did not come to its agent. Null: not known, or without meaning (virtual
   * time; no machine).
   */
  hostDelayMs: Schema.optionalWith(Measured, { default: () => null }),
  hostDelayShare: Schema.optionalWith(Measured, { default: () => null }),
  warnings: Schema.Array(Schema.String),
  /** Only when the run went wrong. */
  diagnostics: Schema.NullOr(
    Schema.Struct({ stage: InitStage, exit: Schema.String, consoleTail: Schema.Array(Schema.String) })
  )
}) {}

/**
 * The name of a run among the others of its session: `steady`, `steady/kernel_6_14_2`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const runName = ({
  scenario,
  variant = ""
}: {
  readonly scenario: string
  readonly variant?: string
}): string => (variant === "" ? scenario : `${scenario}/${variant}`)
