/**
 * Scenarios as programs: an Effect that controls cgroups and workers while they run, for what steps can't express.
 *
 * @since 0.1.0
 */
import { Duration, type Effect } from "effect"
import { type OptionNames, refuseUnknown } from "../base/index.ts"
import { Assert } from "../check/index.ts"
import { Payload } from "../payload/index.ts"
import type { GuestAgent } from "../session/index.ts"
import type { WorkTypes } from "../work/index.ts"
import type { CgroupManager } from "./CgroupManager.ts"
import type { ScenarioContext } from "./Context.ts"
import type { PayloadRunner } from "./PayloadRun.ts"
import type { WorkloadEngine } from "./WorkloadEngine.ts"

/**
 * The services of a scenario's program. In a machine they use the live channel, with `ktstr run --host` the agent on this host; the program is the
 * same.
 *
 * @since 0.1.0
 * @category models
 */
export type ScenarioServices = CgroupManager | WorkloadEngine | PayloadRunner | WorkTypes | GuestAgent

/**
 * Options of a program that must be known before it runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface ScenarioProgramOptions {
  /** The scenario's own layer of checks. */
  readonly assert?: Assert | undefined
  /** Files and programs that its work needs in the guest, as for `-i`; they are packed before the program runs. */
  readonly includes?: ReadonlyArray<string> | undefined
  /** Whether it takes CPUs offline or online on purpose: see `Scenario`. Default: false. */
  readonly cpuHotplug?: boolean | undefined
  /** Payloads that it will start; they are packed with their files before it runs. */
  readonly payloads?: ReadonlyArray<Payload> | undefined
  /** Time after which the program is interrupted and the run fails. Default: twice the scenario's duration plus 60 s. */
  readonly limit?: Duration.DurationInput | undefined
}

const optionNames: OptionNames<ScenarioProgramOptions> = {
  assert: true,
  includes: true,
  cpuHotplug: true,
  payloads: true,
  limit: true
}

/**
 * A program with its options.
 *
 * The program runs in ktstr's own process, so `Effect.sleep` uses the host's time. `WorkloadEngine.hold` uses the time of the machine in which the
 * workers run; use it to time a scenario's phases. When the program ends, its remaining workers are stopped and their reports collected, and its
 * cgroups are removed. A failure, a defect or exceeding the limit fails the run; workers are still reported.
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
    refuseUnknown("executeProgram", options, optionNames)
    this.program = program
    this.assert = Assert.merge(options.assert)
    this.cpuHotplug = options.cpuHotplug === true
    this.includes = [...(options.includes ?? []), ...(options.payloads ?? []).flatMap(Payload.includes)]
    this.limitMs = options.limit === undefined ? 2 * durationMs + 60_000 : Duration.toMillis(options.limit)
  }
}

/**
 * Returns whether a scenario's body is a program. Checks its shape, because a user's configuration may have another copy of this package.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isScenarioProgram = (body: object): body is ScenarioProgram => "program" in body && "limitMs" in body

/**
 * Makes the body of an imperative scenario: `Scenario.make({ …, build: (ctx) => executeProgram(ctx, Effect.gen(…)) })`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const executeProgram = (
  ctx: ScenarioContext,
  program: Effect.Effect<unknown, unknown, ScenarioServices>,
  options: ScenarioProgramOptions = {}
): ScenarioProgram => new ScenarioProgram(program, ctx.durationMs, options)
