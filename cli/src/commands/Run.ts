/**
 * `ktstr run`: runs scenarios in a virtual machine or on this host.
 *
 * @since 0.1.0
 */

import { type RunRequest, runScenario } from "@ktstr/core"
import { kernelLabel } from "@ktstr/core/kernel"
import { Reporters } from "@ktstr/core/report"
import { ReplayRequest, runOnHost, type ScenarioRequest } from "@ktstr/core/run"
import { layerHarness, layerRegistries, loadPlugins } from "@ktstr/harness"
import { Effect } from "effect"
import { chosenKernels, chosenSchedulers } from "../choose/index.ts"
import type { CommandIo } from "../io/index.ts"
import { type Invocation, runSettings, Settings, UsageError, type Values } from "../parse/index.ts"
import { kernelWord, rerunEnvironment, runSession, runWords, settledOptions } from "../runs/index.ts"

/** Lists the options that only apply to virtual machines. `--vmm` is not among them: it may come from the environment. */
const machineOptions = [
  "topology",
  "preset",
  "kernel",
  "memory",
  "kargs",
  "scheduler",
  "scheduler-hash",
  "sched-args",
  "flags",
  "all-profiles",
  "watchdog"
] as const

/**
 * Returns whether to show failures in full.
 *
 * @since 0.2.0
 * @category accessors
 */
export const isVerbose = ({ verbose }: { readonly verbose: boolean }): boolean =>
  verbose || (process.env.KTSTR_VERBOSE ?? "") !== ""

/** Rejects options that have no meaning with `--host`. */
const checkHostOptions = (values: Values<"run">): Effect.Effect<void, UsageError> => {
  const isGiven = (value: string | boolean | ReadonlyArray<string> | undefined) =>
    typeof value === "object" ? value.length > 0 : value !== undefined && value !== false
  const given = machineOptions.find((name) => isGiven(values[name]))
  return given === undefined
    ? Effect.void
    : new UsageError({
        message: `--${given} is for virtual machines; --host runs on this machine as it is: give one of them`
      })
}

/**
 * Returns the reporter of that name; the error suggests the nearest name.
 *
 * @since 0.1.0
 * @category accessors
 */
export const reporterNamed = Effect.fn("Run.reporter")(function* (name: string) {
  return yield* Effect.flatMap(Reporters, (reporters) => reporters.get(name))
})

/**
 * Runs scenarios on every chosen kernel and scheduler profile, and returns the exit code of the results.
 *
 * @since 0.1.0
 * @category commands
 */
export const run = (invocation: Extract<Invocation, { command: "run" }>, streams: CommandIo) =>
  Effect.gen(function* () {
    const { values, args } = invocation
    const io = { ...streams, verbose: isVerbose(values) }
    if (values.host) yield* checkHostOptions(values)
    const { kargs, memoryMb, watchdogMs, ...settings } = yield* runSettings(values)
    const bootTimeoutMs = yield* Settings.bootTimeoutMs(values["boot-timeout"])
    const seed = (yield* Settings.seed(values.seed)) ?? 0
    const schedulerSha256 = yield* Settings.schedulerHash(values["scheduler-hash"])
    const plugins = yield* loadPlugins(process.cwd())
    const { backend, determinism, scenarios } = yield* Effect.gen(function* () {
      const backend = yield* Settings.backend(values.vmm)
      const determinism = yield* Settings.determinism(values.clock, seed, { backend, host: values.host })
      return { backend, determinism, scenarios: yield* Settings.scenarios(args, values.filter) }
    }).pipe(Effect.provide(layerRegistries(plugins)))
    return yield* Effect.gen(function* () {
      const reporter = yield* reporterNamed(values.format ?? "pretty")
      const common = { ...settings, seed, bootTimeoutMs }
      if (values.host) {
        const requests = scenarios.map(
          (scenario): ScenarioRequest => ({
            scenario,
            ...common,
            rerun: { words: runWords(values, { scenario: scenario.name, seed }) }
          })
        )
        return yield* runSession(requests, runOnHost, reporter, io)
      }
      const schedulers = (yield* chosenSchedulers(values)) ?? [undefined]
      const topology = yield* Settings.topology(values.topology, values.preset, schedulers[0]?.scheduler.topology)
      const kernels = yield* chosenKernels(values.kernel, values.yes, io)
      const runs = kernels.flatMap((kernel) =>
        schedulers.flatMap((scheduler) => scenarios.map((scenario) => ({ kernel, scenario, scheduler })))
      )
      const requests = runs.map(
        ({ kernel, scenario, scheduler }): RunRequest => ({
          scenario,
          variant: kernels.length > 1 ? kernelLabel(kernel) : undefined,
          scheduler,
          watchdogMs,
          ...common,
          rerun: {
            words: runWords(values, {
              scenario: scenario.name,
              seed,
              machine: {
                kernel: kernelWord(kernel),
                topology: String(topology),
                flags: scheduler?.profile.flags ?? []
              }
            }),
            environment: scheduler === undefined ? undefined : rerunEnvironment(),
            replay:
              determinism === undefined
                ? undefined
                : ReplayRequest.make({
                    scenario: scenario.name,
                    seed,
                    without: [],
                    options: settledOptions(
                      { ...values, kernel: undefined, flags: scheduler?.profile.flags.join(",") || undefined },
                      kernelWord(kernel),
                      { topology, workersPerCgroup: settings.workersPerCgroup, durationMs: settings.durationMs }
                    )
                  })
          },
          schedulerSha256,
          topology,
          kernel,
          determinism,
          memoryMb,
          kargs
        })
      )
      return yield* runSession(requests, runScenario, reporter, io)
    }).pipe(Effect.provide(layerHarness({ backend: backend.name, fork: scenarios.length > 1, plugins })))
  })
