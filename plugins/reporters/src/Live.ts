/**
 * Shows the progress of runs in lines at the bottom of a terminal, which are redrawn.
 *
 * @since 0.2.0
 */

import type { RunEvent } from "@ktstr/core"
import type { ReporterStream } from "@ktstr/core/report"
import { runName } from "@ktstr/core/run"
import { Effect } from "effect"
import { cut, printable } from "./ScreenText.ts"
import { styled } from "./Table.ts"

/**
 * The content of a progress line; times are milliseconds of the host's clock.
 *
 * @since 0.2.0
 * @category models
 */
export interface Progress {
  readonly scenario: string
  readonly text: string
  readonly since: number
  /** Elapsed share of the hold; undefined if there is no hold in progress. */
  readonly share: number | undefined
}

/**
 * @since 0.2.0
 * @category rendering
 */
export const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)}s`

const bar = (share: number): string => {
  const width = 20
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  return `[${"#".repeat(full)}${".".repeat(width - full)}]`
}

/**
 * Replaces the text about the boot if there is no machine.
 *
 * @since 0.2.0
 * @category rendering
 */
export const onHost = ({ clock }: { readonly clock: string }): string | undefined =>
  clock === "host" ? "starting on this host" : undefined

/**
 * Returns the progress of a run after an event; undefined if the run has not begun or is over.
 *
 * @since 0.2.0
 * @category folding
 */
export const advance = (before: Progress | undefined, event: RunEvent, now: number): Progress | undefined => {
  switch (event._tag) {
    case "RunStarted":
      return { scenario: runName(event), text: "preparing", since: now, share: undefined }
    case "RunFinished":
      return undefined
    default:
  }
  if (before === undefined) return undefined
  switch (event._tag) {
    case "Booting":
      return { ...before, text: onHost(event) ?? `booting with ${event.backend} (${event.clock})`, since: now }
    case "AgentReady":
      return { ...before, text: `kernel ${event.release} is up`, since: now }
    case "SchedulerStarting":
      return { ...before, text: `attaching ${event.name}`, since: now }
    case "SchedulerAttached":
      return { ...before, text: `scheduler ${event.name} attached`, since: now }
    case "StepBegan":
      return { ...before, text: `step ${event.index + 1} of ${event.count}`, since: now, share: undefined }
    case "StepEnded":
      return { ...before, text: "collecting reports", since: now, share: undefined }
    case "Holding": {
      const text = `${before.text.split(",", 1)[0]}, ${seconds(event.elapsedMs)} of ${seconds(event.holdMs)}`
      return { ...before, text, share: event.holdMs > 0 ? event.elapsedMs / event.holdMs : 1 }
    }
    default:
      return before
  }
}

/** Maximum number of runs that have a line each. */
const maxLines = 6

/**
 * @since 0.2.0
 * @category constructors
 */
export const makeLive = (err: ReporterStream) => {
  let drawn = 0
  const style = styled(err.color)
  const erase = () => (drawn === 0 ? "" : `\r${"\u001b[1A".repeat(drawn - 1)}\u001b[J`)
  const clear = Effect.suspend(() => {
    if (drawn === 0) return Effect.void
    const text = erase()
    drawn = 0
    return err.write(text)
  })
  const lineOf = (progress: Progress, now: number): string => {
    const { scenario, share, since, text } = progress
    const tail = share === undefined ? `${text} ${seconds(now - since)}` : `${bar(share)} ${text}`
    // The last column stays free: some terminals wrap when it is written.
    const room = Math.max(10, err.columns - 1)
    const name = cut(printable(scenario), Math.max(4, room - 2))
    const left = room - name.length - 2
    return style(name, "bold") + (left < 2 ? "" : `  ${style(cut(printable(tail), left), "dim")}`)
  }
  /** Redraws the lines of the current runs. */
  const draw = (running: ReadonlyArray<Progress>, now: number) =>
    Effect.suspend(() => {
      const shown = running.length > maxLines ? running.slice(0, maxLines - 1) : running
      const lines = shown.map((progress) => lineOf(progress, now))
      if (shown.length < running.length) lines.push(style(`… ${running.length - shown.length} more`, "dim"))
      const text = erase() + lines.join("\n")
      drawn = lines.length
      return text === "" ? Effect.void : err.write(text)
    })
  return { clear, draw }
}
