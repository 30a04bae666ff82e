/**
 * Runs several scenarios one after the other under one reporter.
 *
 * @since 0.1.0
 */

import { type Reporter, type RunEvent, type RunResult, SessionEnd } from "@ktstr/core"
import { exitCodeOfError, exitCodeOfResults, openReporter } from "@ktstr/core/report"
import { runName, type ScenarioRequest } from "@ktstr/core/run"
import { Cause, Effect, Exit } from "effect"
import type { CommandIo } from "../io/index.ts"

/** Returns the phase of a run, for the message about one that ended without a result. */
const phaseOf = (event: RunEvent, before: string): string => {
  switch (event._tag) {
    case "RunStarted":
      return "preparing"
    case "Booting":
      return "booting"
    case "AgentReady":
      return "setting up"
    case "StepBegan":
      return `in step ${event.index + 1} of ${event.count}`
    case "Holding":
      return `${before.split(",", 1)[0]}, ${(event.elapsedMs / 1000).toFixed(1)} of ${(event.holdMs / 1000).toFixed(1)} s held`
    default:
      return before
  }
}

/**
 * Runs the requests in order and reports them. Stops at the first that gives no result. Returns the exit code of the results.
 *
 * @since 0.1.0
 * @category running
 */
export const runSession = <R extends ScenarioRequest, E, S>(
  requests: ReadonlyArray<R>,
  run: (request: R, onEvent: (event: RunEvent) => Effect.Effect<void>) => Effect.Effect<RunResult, E, S>,
  reporter: Reporter,
  io: CommandIo
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const session = yield* openReporter(reporter, io)
      const results: Array<RunResult> = []
      let current = ""
      let phase = "preparing"
      const onEvent = (event: RunEvent) => {
        phase = phaseOf(event, phase)
        return session.onEvent(event)
      }
      const runs = Effect.forEach(
        requests,
        (request) =>
          Effect.suspend(() => {
            current = runName({ scenario: request.scenario.name, variant: request.variant ?? "" })
            return Effect.tap(run(request, onEvent), (result) => {
              results.push(result)
              if (result.outcome === "fail") io.checkFailed?.()
              return session.onResult(result)
            })
          }),
        { discard: true }
      )
      yield* Effect.onExit(runs, (exit) => {
        if (Exit.isSuccess(exit)) return session.onEnd(results, SessionEnd.Complete({}))
        const error = Cause.squash(exit.cause)
        const message = error instanceof Error ? error.message : String(error)
        const stray = io.stray?.()
        if (stray !== undefined) {
          const end = SessionEnd.Failed({ scenario: current, message: stray, exitCode: io.signalled() })
          return session.onEnd(results, end)
        }
        if (!Cause.isInterruptedOnly(exit.cause)) {
          const exitCode = exitCodeOfError(error)
          return session.onEnd(results, SessionEnd.Failed({ scenario: current, message, exitCode }))
        }
        const interrupted = `interrupted: ${current} was ${phase}`
        return Effect.zipRight(
          session.onEnd(
            results,
            SessionEnd.Interrupted({ scenario: current, message: interrupted, exitCode: io.signalled() })
          ),
          io.err.write(`ktstr: ${interrupted}\n`)
        )
      })
      return exitCodeOfResults(results)
    })
  )
