/**
 * What happens while a scenario runs, in order, for reporters that show progress or stream.
 *
 * @since 0.1.0
 */
import { Data } from "effect"
import type { ClockMode } from "../machine/index.ts"
import type { StimulusEvent } from "../session/index.ts"
import type { RunResult } from "./RunResult.ts"

/**
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
  /** The agent starts the scheduler under test. */
  SchedulerStarting: { readonly name: string }
  /** The kernel runs the scheduler under test, `attachMs` milliseconds of the guest after its start. */
  SchedulerAttached: { readonly name: string; readonly ops: string; readonly attachMs: number }
  /** It runs no more; `message` says what went wrong, empty: nothing. */
  SchedulerEnded: { readonly name: string; readonly exit: string; readonly message: string }
  StepBegan: { readonly index: number; readonly count: number; readonly label: string }
  StepEnded: { readonly index: number; readonly count: number }
  /** A hold goes on: milliseconds passed of the milliseconds to hold. */
  Holding: { readonly elapsedMs: number; readonly holdMs: number }
  /** A payload's process ended after `durationMs` guest milliseconds; what it came to is in the result. */
  PayloadEnded: { readonly name: string; readonly cgroup: string; readonly durationMs: number }
  Stimulus: { readonly event: StimulusEvent }
  GuestLog: { readonly level: "error" | "warning" | "info" | "debug"; readonly text: string }
  Warning: { readonly text: string }
  RunFinished: { readonly result: RunResult }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const RunEvent: Data.TaggedEnum.Constructor<RunEvent> = Data.taggedEnum<RunEvent>()
