/**
 * Events of a running scenario, in order, for reporters that show progress or stream results.
 *
 * @since 0.1.0
 */
import { Data } from "effect"
import type { ClockMode } from "../machine/index.ts"
import type { StimulusEvent } from "../session/index.ts"
import type { RunResult } from "./RunResult.ts"

/**
 * An event of a run.
 *
 * @since 0.1.0
 * @category models
 */
export type RunEvent = Data.TaggedEnum<{
  /** A run begins; nothing is booted yet. */
  RunStarted: {
    readonly scenario: string
    /** As in the result. */
    readonly variant: string
    readonly topology: string
    readonly kernel: string
    readonly durationS: number
  }
  /** The machine was started. */
  Booting: { readonly backend: string; readonly clock: ClockMode }
  /** The agent's first frame arrived after `bootMs` milliseconds. */
  AgentReady: { readonly release: string; readonly bootMs: number }
  /** The agent is starting the scheduler under test. */
  SchedulerStarting: { readonly name: string }
  /** The scheduler under test has attached, `attachMs` milliseconds of guest time after its start. */
  SchedulerAttached: { readonly name: string; readonly ops: string; readonly attachMs: number }
  /** The scheduler has ended; `message` says what went wrong, and is empty if nothing did. */
  SchedulerEnded: { readonly name: string; readonly exit: string; readonly message: string }
  StepBegan: { readonly index: number; readonly count: number; readonly label: string }
  StepEnded: { readonly index: number; readonly count: number }
  /** A hold is in progress: milliseconds passed, and milliseconds to hold. */
  Holding: { readonly elapsedMs: number; readonly holdMs: number }
  /** A payload's process ended after `durationMs` milliseconds of guest time; its result is in the run's result. */
  PayloadEnded: { readonly name: string; readonly cgroup: string; readonly durationMs: number }
  Stimulus: { readonly event: StimulusEvent }
  GuestLog: { readonly level: "error" | "warning" | "info" | "debug"; readonly text: string }
  Warning: { readonly text: string }
  RunFinished: { readonly result: RunResult }
}>

/**
 * Constructors of the events.
 *
 * @since 0.1.0
 * @category constructors
 */
export const RunEvent: Data.TaggedEnum.Constructor<RunEvent> = Data.taggedEnum<RunEvent>()
