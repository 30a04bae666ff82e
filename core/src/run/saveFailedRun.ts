import type { FileSystem, Path } from "@effect/platform"
import { Effect, Schema } from "effect"
import type { Vm } from "../machine/index.ts"
import type { SessionRecord, SessionResult } from "../session/index.ts"
import { encodeReplay, makeReplay } from "./Replay.ts"
import { Rerun, type RerunRequest, rerunCommand, shellLine } from "./Rerun.ts"
import { fromHere, saveFailure } from "./RunDirectory.ts"
import type { SettledScenario } from "./RunRequest.ts"
import { RunResult } from "./RunResult.ts"
import type { RunTarget } from "./RunTarget.ts"

/** A run that did not pass. */
export interface FailedRun {
  readonly result: RunResult
  readonly request: SettledScenario
  readonly target: RunTarget
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
export const saveFailedRun = (run: FailedRun): Effect.Effect<RunResult, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const { target, request, result, warn } = run
    const { rerun } = request
    // Exploration runs hundreds of seeds and saves what it needs itself.
    if (rerun === undefined && result.schedulerReport === null) return result
    const replay = rerun?.replay === undefined ? undefined : makeReplay(rerun.replay, result)
    const files = {
      ...filesOf(run),
      ...(replay === undefined ? {} : { "replay.json": [encodeReplay(replay).trimEnd()] })
    }
    const savedIn = yield* saveFailure(request.scenario.name, files).pipe(
      Effect.catchAll((message) => Effect.as(warn(message), null))
    )
    const schedulerSha256 = target.schedulerSha256 ?? null
    const commandOf = (repeat: RerunRequest) =>
      replay !== undefined && savedIn !== null
        ? Effect.map(fromHere(`${savedIn}/replay.json`), (file) =>
            shellLine(["ktstr", "replay", file], repeat.environment)
          )
        : Effect.succeed(rerunCommand(repeat, schedulerSha256))
    const recorded = rerun === undefined ? null : Rerun.make({ command: yield* commandOf(rerun), schedulerSha256 })
    return RunResult.make({ ...result, savedIn, rerun: recorded }, { disableValidation: true })
  })
