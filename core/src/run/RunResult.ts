/**
 * The result of one run of a scenario: the JSON object of `ktstr run --format json`.
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
 * A cgroup of the run, with the reports of every worker that was ever in it.
 *
 * @since 0.1.0
 * @category models
 */
export class CgroupResult extends Schema.Class<CgroupResult>("CgroupResult")({
  name: Schema.String,
  workType: Schema.String,
  /** Its own cpuset at the end, as a cpulist; empty: none. */
  cpuset: Schema.String,
  stats: CgroupStats,
  workers: Schema.Array(WorkerReport)
}) {}

const Measured = Schema.NullOr(Schema.Number)

/**
 * The result of one run, schema version 1.
 *
 * @since 0.1.0
 * @category models
 */
export class RunResult extends Schema.Class<RunResult>("RunResult")({
  schemaVersion: Schema.Literal(1),
  scenario: Schema.String,
  /** Distinguishes this run from other runs of the same scenario in the session, e.g. by the kernel's label; else empty. */
  variant: Schema.optionalWith(Schema.String, { default: () => "" }),
  outcome: Outcome,
  /** One line per reason, the most important first; empty on a pass. */
  details: Schema.Array(Schema.String),
  clock: ClockMode,
  backend: Schema.String,
  kernel: Schema.Struct({
    /** `uname -r` in the guest; empty if the guest never reported it. */
    release: Schema.String,
    image: Schema.String,
    key: Schema.NullOr(Schema.String),
    /** Label such as `kernel_distro_7_3_4_deb13_amd64`; null for this host's own kernel. */
    label: Schema.optionalWith(Schema.NullOr(Schema.String), { default: () => null })
  }),
  topology: Schema.Struct({
    /** The requested topology, `1n2l2c1t`. */
    requested: Schema.String,
    /** The topology in the guest's sysfs; null if the guest never reported it. */
    guest: Schema.NullOr(
      Schema.Struct({
        summary: Schema.String,
        cpus: Schema.Array(GuestCpu),
        nodes: Schema.Array(GuestNode)
      })
    )
  }),
  /** Name of the scheduler. The kernel's own is `eevdf`, `cfs` before Linux 6.6, and `default` if the release is unknown. */
  scheduler: Schema.String,
  /** Only for a deterministic run; all its times are virtual. */
  determinism: Schema.optionalWith(Schema.NullOr(DeterminismReport), { default: () => null }),
  /** The scheduler under test; null if the kernel's own ran. */
  schedulerReport: Schema.optionalWith(Schema.NullOr(SchedulerReport), { default: () => null }),
  /** Directory with the complete output of a failed run; null if nothing was saved. */
  savedIn: Schema.optionalWith(Schema.NullOr(Schema.String), { default: () => null }),
  /** How to repeat a run that did not pass; null if it passed or was skipped, or if the request did not say how. */
  rerun: Schema.optionalWith(Schema.NullOr(Rerun), { default: () => null }),
  durationS: Schema.Number,
  cgroups: Schema.Array(CgroupResult),
  totals: TotalStats,
  /** Every run of a payload, in order of start. */
  payloads: Schema.optionalWith(Schema.Array(PayloadResult), { default: () => [] }),
  stimuli: Schema.Array(StimulusEvent),
  /** Milliseconds of host time; `bootMs` is from the start of the machine to the agent's first frame. */
  timings: Schema.Struct({
    prepareMs: Schema.Number,
    bootMs: Schema.Number,
    runMs: Schema.Number,
    totalMs: Schema.Number
  }),
  /**
   * How long the host kept the machine waiting, in milliseconds, and the share of that in the measured time, 0 to 1. Measured from the agent's first
   * frame to the end, or over the whole time if the agent never started. Null if unknown or meaningless (virtual time; no machine).
   */
  hostDelayMs: Schema.optionalWith(Measured, { default: () => null }),
  hostDelayShare: Schema.optionalWith(Measured, { default: () => null }),
  warnings: Schema.Array(Schema.String),
  /** Only if the run went wrong. */
  diagnostics: Schema.NullOr(
    Schema.Struct({ stage: InitStage, exit: Schema.String, consoleTail: Schema.Array(Schema.String) })
  )
}) {}

/**
 * Returns the name of a run within its session: `steady`, `steady/kernel_6_14_2`.
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
