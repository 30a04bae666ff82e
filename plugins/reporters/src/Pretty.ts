/**
 * `--format pretty`: progress on stderr, the verdict and its numbers on stdout.
 *
 * @since 0.1.0
 */
import type { Reporter, RunEvent } from "@ktstr/core"
import { Effect, Schedule } from "effect"
import { advance, makeLive, onHost, type Progress, seconds } from "./Live.ts"
import { renderResult } from "./ResultText.ts"
import { printable } from "./ScreenText.ts"
import { endedOf, renderSummary } from "./SessionSummary.ts"
import { styled } from "./Table.ts"

/** Returns a line of plain progress for an event, or nothing. If a start does not lead to a boot, the error message explains it. */
const plainLine = (event: RunEvent): string | undefined => {
  switch (event._tag) {
    case "Booting":
      return onHost(event) ?? `booting with ${event.backend} (${event.clock})`
    case "AgentReady":
      return `kernel ${event.release} up after ${seconds(event.bootMs)}`
    case "SchedulerAttached":
      return `scheduler ${event.ops || event.name} attached after ${seconds(event.attachMs)}`
    case "StepBegan": {
      const step = `step ${event.index + 1} of ${event.count}`
      return event.label === "" || event.label === step ? step : `${step}: ${event.label}`
    }
    case "PayloadEnded":
      return `payload ${event.name}${event.cgroup === "" ? "" : ` in ${event.cgroup}`} ended after ${seconds(event.durationMs)}`
    default:
      return undefined
  }
}

const warningOf = (event: RunEvent): string | undefined => {
  if (event._tag === "Warning") return event.text
  return event._tag === "GuestLog" && (event.level === "warning" || event.level === "error")
    ? `guest: ${event.text}`
    : undefined
}

/** Seconds of hold between two plain lines: enough to show in a log that the run is alive. */
const plainHoldMs = 10_000

/**
 * @since 0.1.0
 * @category reporters
 */
export const prettyReporter: Reporter = {
  name: "pretty",
  description: "progress on stderr, verdicts and tables on stdout (the default)",
  make: ({ err, out, verbose }) =>
    Effect.gen(function* () {
      const live = makeLive(err)
      const style = styled(err.color)
      const rendering = { color: out.color, columns: out.terminal ? out.columns : undefined, full: verbose === true }
      const shown = new Set<string>()
      let progress: Progress | undefined
      let nextHoldLine = plainHoldMs
      if (err.terminal) {
        const tick = Effect.suspend(() => (progress === undefined ? Effect.void : live.draw([progress], Date.now())))
        yield* Effect.forkScoped(Effect.repeat(tick, Schedule.spaced("100 millis")))
        yield* Effect.addFinalizer(() => live.clear)
      }
      const line = (text: string) => Effect.zipRight(live.clear, err.write(`${text}\n`))
      const plain = (event: RunEvent) => {
        const scenario = progress?.scenario ?? ""
        if (event._tag === "StepBegan") nextHoldLine = plainHoldMs
        if (event._tag === "Holding") {
          if (event.elapsedMs < nextHoldLine || event.elapsedMs >= event.holdMs) return Effect.void
          nextHoldLine += plainHoldMs
          return line(`${scenario}: ${seconds(event.elapsedMs)} of ${seconds(event.holdMs)}`)
        }
        const text = plainLine(event)
        return text === undefined ? Effect.void : line(`${scenario}: ${printable(text)}`)
      }
      return {
        onEvent: (event) =>
          Effect.suspend(() => {
            progress = advance(progress, event, Date.now())
            const warning = warningOf(event)
            if (warning !== undefined) {
              shown.add(warning)
              return line(`${style("warning:", "yellow")} ${printable(warning)}`)
            }
            return err.terminal ? Effect.void : plain(event)
          }),
        onResult: (result) =>
          Effect.gen(function* () {
            progress = undefined
            yield* live.clear
            for (const warning of result.warnings) {
              if (!shown.has(warning)) yield* line(`${style("warning:", "yellow")} ${printable(warning)}`)
            }
            shown.clear()
            yield* out.write(renderResult(result, rendering))
          }),
        onEnd: (results) =>
          Effect.suspend(() => {
            progress = undefined
            return Effect.zipRight(live.clear, out.write(renderSummary(results.map(endedOf), rendering)))
          })
      }
    })
}
