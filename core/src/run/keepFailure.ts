import type { FileSystem, Path } from "@effect/platform"
import { Effect, Schema } from "effect"
import type { Vm } from "../machine/index.ts"
import type { SessionRecord, SessionResult } from "../session/index.ts"
import { encodeReplay, makeReplay } from "./Replay.ts"
import { Rerun, rerunCommand, shellLine } from "./Rerun.ts"
import { fromHere, saveFailure } from "./RunDirectory.ts"
import type { SettledScenario } from "./RunRequest.ts"
import { RunResult } from "./RunResult.ts"
import type { Place } from "./runAccount.ts"

/** A run that did not pass. */
export interface FailedRun {
  readonly result: RunResult
  readonly request: SettledScenario
  readonly place: Place
  readonly record: SessionRecord
  readonly session: SessionResult
  readonly vm: Vm
  readonly warn: (text: string) => Effect.Effect<void>
}

const encodeResult = Schema.encodeSync(RunResult)

/** Removes the wake latency samples, up to 100,000 numbers per worker; their percentiles are in the statistics. */
const withoutSamples = (encoded: typeof RunResult.Encoded) => ({
  ...encoded,
  cgroups: encoded.cgroups.map((cgroup) => ({
    ...cgroup,
    workers: cgroup.workers.map(({ wakeLatenciesNs: _, ...report }) => report)
  }))
})

/** Makes a file name from a payload's name. */
const fileOf = (name: string, index: number): string =>
  `payload-${index + 1}-${name.replace(/[^\w.-]+/g, "_").slice(0, 60)}`

/** Collects a run's complete output, which is too long for a report, as files. */
const filesOf = ({ record: { scheduler }, result, session, vm }: FailedRun) => ({
  "verdict.txt": result.details,
  "scheduler.log": scheduler.log,
  "sched_ext_dump.txt": scheduler.dump,
  "kernel.log": session.kernelLog,
  "console.log": vm.consoleTail(Number.POSITIVE_INFINITY),
  ...Object.fromEntries(
    result.payloads.flatMap(({ name, stderrTail, stdoutTail }, index) => [
      [`${fileOf(name, index)}.out`, stdoutTail] as const,
      [`${fileOf(name, index)}.err`, stderrTail] as const
    ])
  ),
  "result.json": [JSON.stringify(withoutSamples(encodeResult(result)))]
})

/** Saves the run's output, with a replay file if possible. Returns the result with the directory and the command that repeats the run. */
export const keepFailure = (of: FailedRun): Effect.Effect<RunResult, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const { place, request, result, warn } = of
    const asked = request.rerun
    // Exploration runs hundreds of seeds and saves what it needs itself.
    if (asked === undefined && result.schedulerReport === null) return result
    const replay = asked?.replay === undefined ? undefined : makeReplay(asked.replay, result)
    const files = {
      ...filesOf(of),
      ...(replay === undefined ? {} : { "replay.json": [encodeReplay(replay).trimEnd()] })
    }
    const savedIn = yield* saveFailure(request.scenario.name, files).pipe(
      Effect.catchAll((message) => Effect.as(warn(message), null))
    )
    const schedulerSha256 = place.schedulerSha256 ?? null
    const commandOf = (plan: NonNullable<typeof asked>) =>
      replay !== undefined && savedIn !== null
        ? Effect.map(fromHere(`${savedIn}/replay.json`), (file) =>
            shellLine(["ktstr", "replay", file], plan.environment)
          )
        : Effect.succeed(rerunCommand(plan, schedulerSha256))
    const rerun = asked === undefined ? null : Rerun.make({ command: yield* commandOf(asked), schedulerSha256 })
    return RunResult.make({ ...result, savedIn, rerun }, { disableValidation: true })
  })
