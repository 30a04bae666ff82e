/**
 * Runs one scenario deterministically, under different seeds and in different sizes.
 *
 * @since 0.1.0
 */
import { isAbsolute, resolve } from "node:path"
import { type RunResult, runScenario, ScenarioContext, Scenarios, TestTopology } from "@ktstr/core"
import { countOps, type ShrinkCase, withoutOps } from "@ktstr/core/explore"
import { PlanError } from "@ktstr/core/plan"
import { ReplayRequest, type RunError, type TraceError, tracedInto } from "@ktstr/core/run"
import { isScenarioProgram } from "@ktstr/core/scenario"
import { Effect } from "effect"
import { chosenKernel, chosenSchedulers } from "../choose/index.ts"
import type { CommandIo } from "../io/index.ts"
import { runSettings, Settings, type Values } from "../parse/index.ts"
import type { TestRunError } from "./TestRunError.ts"
import type { VitestFailed } from "./VitestConfig.ts"
import type { VitestMissing } from "./VitestSession.ts"

/** Options that decide what runs. A replay file stores them. */
const optionNames = [
  "topology",
  "preset",
  "kernel",
  "scheduler",
  "sched-args",
  "flags",
  "watchdog",
  "duration",
  "workers",
  "work-type",
  "memory",
  "kargs",
  "max-gap-ms",
  "max-spread-pct",
  "isolation",
  "relaxed"
] as const

/**
 * Holds the options that decide what runs.
 *
 * @since 0.1.0
 * @category models
 */
export type SeedOptions = Pick<Values<"explore">, (typeof optionNames)[number]>

/**
 * Runs one scenario or test under any seed and in any size.
 *
 * @since 0.1.0
 * @category models
 */
export interface SeedRuns {
  /** The name of the scenario, or of the test with its file. */
  readonly name: string
  /** The case as requested. */
  readonly from: ShrinkCase
  /** The number of ops in the scenario; shrinking tries to leave them out. */
  readonly ops: number
  /** Runs a case to its result. `trace` is a directory for telemetry. Fails if the run gives no result. */
  readonly run: (
    size: ShrinkCase,
    seed: number,
    trace?: string
  ) => Effect.Effect<RunResult, RunError | TraceError | TestRunError | VitestFailed | VitestMissing>
  readonly replayRequest: (size: ShrinkCase, seed: number) => ReplayRequest
}

type RunServices = Effect.Effect.Context<ReturnType<typeof runScenario>>

/**
 * Returns the options for a replay file, with absolute paths.
 *
 * @since 0.2.0
 * @category conversions
 */
export const settledOptions = (
  options: SeedOptions,
  kernel: string,
  size: Omit<ShrinkCase, "without">
): ReplayRequest["options"] => {
  const path = (text: string): string => (text.includes("/") && !isAbsolute(text) ? resolve(text) : text)
  const { scheduler } = options
  const given = {
    ...options,
    preset: undefined,
    kernel: path(kernel),
    scheduler: scheduler === undefined ? undefined : path(scheduler),
    topology: String(size.topology),
    workers: `${size.workersPerCgroup}`,
    duration: `${size.durationMs / 1000}`
  }
  return Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, string | boolean | ReadonlyArray<string>] => {
      const [name, value] = entry
      return optionNames.some((known) => known === name) && value !== undefined
    })
  )
}

/**
 * Returns the options of a replay file in the form that the command line gives them.
 *
 * @since 0.1.0
 * @category conversions
 */
export const optionsOfReplay = ({ options }: Pick<ReplayRequest, "options">): SeedOptions => {
  const text = (name: string): string | undefined => {
    const value = options[name]
    return typeof value === "string" ? value : undefined
  }
  const list = (name: string): ReadonlyArray<string> => {
    const value = options[name]
    return typeof value === "object" ? value : []
  }
  return {
    topology: text("topology"),
    preset: undefined,
    kernel: text("kernel"),
    scheduler: text("scheduler"),
    "sched-args": list("sched-args"),
    flags: text("flags"),
    watchdog: text("watchdog"),
    duration: text("duration"),
    workers: text("workers"),
    "work-type": text("work-type"),
    memory: text("memory"),
    kargs: list("kargs"),
    "max-gap-ms": text("max-gap-ms"),
    "max-spread-pct": text("max-spread-pct"),
    isolation: options.isolation === true,
    relaxed: options.relaxed === true
  }
}

/**
 * Holds no options.
 *
 * @since 0.1.0
 * @category constants
 */
export const noOptions: SeedOptions = optionsOfReplay({ options: {} })

/**
 * Resolves names, kernel and scheduler once for all runs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeSeedRuns = Effect.fn("SeedRuns.make")(function* (
  command: "explore" | "replay",
  name: string,
  options: SeedOptions,
  io: CommandIo
) {
  const settings = yield* runSettings(options)
  const { durationMs, workTypeOverride, workersPerCgroup } = settings
  const scenario = yield* Effect.flatMap(Scenarios, (registry) => registry.get(name))
  const [scheduler] = (yield* chosenSchedulers({ ...options, "all-profiles": false })) ?? [undefined]
  const topology = yield* Settings.topology(options.topology, options.preset, scheduler?.scheduler.topology)
  const ctx = ScenarioContext.make({
    topo: TestTopology.fromTopology(topology),
    durationMs,
    workersPerCgroup,
    workTypeOverride,
    scheduler: scheduler?.scheduler.name
  })
  const built = scenario.build(ctx)
  if (isScenarioProgram(built)) {
    const message = `scenario '${name}' is a program, which the host runs in its own time: only scenarios of steps have seeds`
    return yield* new PlanError({ reason: "Program", message })
  }
  const kernel = yield* chosenKernel(command, options.kernel, false, io)
  const kernelName = options.kernel ?? kernel.key ?? kernel.image
  const services = yield* Effect.context<RunServices>()
  const runs: SeedRuns = {
    name,
    from: { topology, workersPerCgroup, durationMs, without: [] },
    ops: countOps(built),
    run: (size, seed, trace) => {
      const request = {
        ...settings,
        scenario: withoutOps(scenario, size.without),
        scheduler,
        durationMs: size.durationMs,
        workersPerCgroup: size.workersPerCgroup,
        seed,
        determinism: { seed },
        topology: size.topology,
        kernel
      }
      const ran =
        trace === undefined
          ? runScenario(request)
          : tracedInto(trace, (taker) => runScenario({ ...request, trace: taker }))
      return Effect.provide(ran, services)
    },
    replayRequest: (size, seed) =>
      ReplayRequest.make({
        scenario: name,
        seed,
        without: [...size.without],
        options: settledOptions(options, kernelName, size)
      })
  }
  return runs
})
