/**
 * Scenarios as programs: an Effect that directs cgroups and workers while they run, where steps of data do not reach.
 *
 * @since 0.1.0
 */
import { Duration, type Effect } from "effect"
import { Assert } from "../check/index.ts"
import { Payload } from "../payload/index.ts"
import type { GuestAgent } from "../session/index.ts"
import type { WorkTypes } from "../work/index.ts"
import type { CgroupManager } from "./CgroupManager.ts"
import type { ScenarioContext } from "./Context.ts"
import type { PayloadRunner } from "./PayloadRun.ts"
import type { WorkloadEngine } from "./WorkloadEngine.ts"

/**
 * What a scenario's program may use. In a machine it goes over the live channel, with `ktstr run --host` to the agent on this host: the
 * program is the same.
 *
 * @since 0.1.0
 * @category models
 */
export type ScenarioServices = CgroupManager | WorkloadEngine | PayloadRunner | WorkTypes | GuestAgent

/**
 * @since 0.1.0
 * @category models
 */
export interface ScenarioProgramOptions {
  /** The scenario's own layer of checks. */
  readonly assert?: Assert | undefined
  /** Files and programs that its work needs in the guest, as for `-i`: packed before the program runs. */
  readonly includes?: ReadonlyArray<string> | undefined
  /** It takes CPUs away, or brings some, on purpose: see `Scenario`. Default: false. */
  readonly cpuHotplug?: boolean | undefined
  /** Programs that it will start: packed with what they need before it runs. */
  readonly payloads?: ReadonlyArray<Payload> | undefined
  /** After so long the program is interrupted and the run fails. Default: twice the scenario's duration and 60 s. */
  readonly limit?: Duration.DurationInput | undefined
}

/**
 * A program with what must be known before it runs.
 *
 * It runs in ktstr's own process, so `Effect.sleep` takes the host's time; `WorkloadEngine.hold` takes the time of the machine in which the
 * workers run, which is what a scenario's phases are measured by. What it leaves running when it ends is stopped and collected, its
 * cgroups are removed. A failure, a defect and running into the limit fail the run; workers are then reported all the same.
 *
 * @since 0.1.0
 * @category models
 */
export class ScenarioProgram {
  readonly program: Effect.Effect<unknown, unknown, ScenarioServices>
  readonly assert: Assert
  readonly cpuHotplug: boolean
  readonly includes: ReadonlyArray<string>
  /** Milliseconds. */
  readonly limitMs: number

  constructor(
    program: Effect.Effect<unknown, unknown, ScenarioServices>,
    durationMs: number,
    options: ScenarioProgramOptions
  ) {
    this.program = program
    this.assert = Assert.merge(options.assert)
    this.cpuHotplug = options.cpuHotplug === true
    this.includes = [...(options.includes ?? []), ...(options.payloads ?? []).flatMap(Payload.includes)]
    this.limitMs = options.limit === undefined ? 2 * durationMs + 60_000 : Duration.toMillis(options.limit)
  }
}

/**
 * Whether a scenario's body is a program. By its shape: a user's configuration may have another copy of this package.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isScenarioProgram = (body: object): body is ScenarioProgram => "program" in body && "limitMs" in body

/**
 * The body of an imperative scenario: `Scenario.make({ …, build: (ctx) => executeProgram(ctx, Effect.gen(…)) })`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const executeProgram = (
  ctx: ScenarioContext,
  program: Effect.Effect<unknown, unknown, ScenarioServices>,
  options: ScenarioProgramOptions = {}
): ScenarioProgram => new ScenarioProgram(program, ctx.durationMs, options)
