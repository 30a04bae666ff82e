/**
 * `--format pretty`: progress on stderr, the verdict and its numbers on stdout.
 *
 * @since 0.1.0
 */
import { type Outcome, type Reporter, type ReporterStream, type RunEvent, type RunResult, runName } from "@ktstr/core"
import { Effect, Schedule } from "effect"
import { renderResult } from "./ResultText.ts"
import { styled } from "./Table.ts"

/** What the progress line says; times are milliseconds of the host's clock. */
interface Progress {
  readonly scenario: string
  readonly text: string
  readonly since: number
  /** Share of the hold that is over; undefined while nothing holds. */
  readonly share: number | undefined
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)}s`

const bar = (share: number): string => {
  const width = 20
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  return `[${"#".repeat(full)}${".".repeat(width - full)}]`
}

/** There is no machine to boot. */
const onHost = ({ clock }: { readonly clock: string }): string | undefined =>
  clock === "host" ? "starting on this host" : undefined

/** A line of plain progress for an event, or nothing. A start that comes to no boot is the error message's to explain. */
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

const advance = (before: Progress | undefined, event: RunEvent, now: number): Progress | undefined => {
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
    case "SchedulerAttached":
      return { ...before, text: `scheduler ${event.name} attached`, since: now }
    case "StepBegan":
      return { ...before, text: `step ${event.index + 1}/${event.count}`, since: now, share: undefined }
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

/** One line of a terminal that is drawn again and again; other lines are printed above it. */
const makeLive = (err: ReporterStream) => {
  let drawn = false
  const style = styled(err.color)
  const clear = Effect.suspend(() => {
    if (!drawn) return Effect.void
    drawn = false
    return err.write("\r\u001b[K")
  })
  const draw = (progress: Progress, now: number) =>
    Effect.suspend(() => {
      drawn = true
      const tail =
        progress.share === undefined
          ? `${progress.text} ${seconds(now - progress.since)}`
          : `${bar(progress.share)} ${progress.text}`
      const room = Math.max(10, err.columns - 1)
      const name = progress.scenario.slice(0, room - 2)
      return err.write(`\r\u001b[K${style(name, "bold")}  ${style(tail.slice(0, room - name.length - 2), "dim")}`)
    })
  return { clear, draw }
}

/** Seconds of hold between two plain lines: someone reading a log should see that it lives, and little more. */
const plainHoldMs = 10_000

const totalsLine = (results: ReadonlyArray<RunResult>): string => {
  const order: ReadonlyArray<Outcome> = ["pass", "fail", "inconclusive", "skip"]
  return order
    .map((outcome) => [outcome, results.filter((result) => result.outcome === outcome).length] as const)
    .filter(([, n]) => n > 0)
    .map(([outcome, n]) => `${n} ${outcome}`)
    .join(", ")
}

/**
 * @since 0.1.0
 * @category reporters
 */
export const prettyReporter: Reporter = {
  name: "pretty",
  description: "progress on stderr, verdicts and tables on stdout (the default)",
  make: ({ out, err }) =>
    Effect.gen(function* () {
      const live = makeLive(err)
      const style = styled(err.color)
      const shown = new Set<string>()
      let progress: Progress | undefined
      let nextHoldLine = plainHoldMs
      if (err.terminal) {
        const tick = Effect.suspend(() => (progress === undefined ? Effect.void : live.draw(progress, Date.now())))
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
        return text === undefined ? Effect.void : line(`${scenario}: ${text}`)
      }
      return {
        onEvent: (event) =>
          Effect.suspend(() => {
            progress = advance(progress, event, Date.now())
            const warning = warningOf(event)
            if (warning !== undefined) {
              shown.add(warning)
              return line(`${style("warning:", "yellow")} ${warning}`)
            }
            return err.terminal ? Effect.void : plain(event)
          }),
        onResult: (result) =>
          Effect.gen(function* () {
            progress = undefined
            yield* live.clear
            for (const warning of result.warnings) {
              if (!shown.has(warning)) yield* line(`${style("warning:", "yellow")} ${warning}`)
            }
            shown.clear()
            yield* out.write(renderResult(result, { color: out.color }))
          }),
        onEnd: (results) =>
          Effect.suspend(() => {
            progress = undefined
            return Effect.zipRight(live.clear, results.length > 1 ? out.write(`${totalsLine(results)}\n`) : Effect.void)
          })
      }
    })
}
