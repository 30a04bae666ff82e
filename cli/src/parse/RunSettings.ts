/**
 * Checks the options that `run`, `explore` and replay files share: how scenarios run in a machine.
 *
 * @since 0.1.0
 */

import { Assert, type WorkTypeRef } from "@ktstr/core"
import type { WorkTypeError } from "@ktstr/core/work"
import { Either } from "effect"
import type { Values } from "./CommandTable.ts"
import * as Settings from "./Settings.ts"
import type { UsageError } from "./UsageError.ts"

/**
 * Holds the options as given.
 *
 * @since 0.1.0
 * @category models
 */
export type RunOptions = Pick<
  Values<"run">,
  | "duration"
  | "workers"
  | "memory"
  | "work-type"
  | "watchdog"
  | "max-gap-ms"
  | "max-spread-pct"
  | "isolation"
  | "relaxed"
  | "kargs"
>

/**
 * Holds the checked options. Undefined leaves the choice to the scenario, the scheduler or the machine.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunSettings {
  readonly durationMs: number
  readonly workersPerCgroup: number
  readonly memoryMb: number | undefined
  readonly workTypeOverride: WorkTypeRef | undefined
  /** The checks that the command line sets, which override those of the scenario. */
  readonly assert: Assert
  readonly watchdogMs: number | undefined
  readonly kargs: ReadonlyArray<string>
}

const checks = (options: RunOptions) =>
  Either.gen(function* () {
    const threshold = (name: "max-gap-ms" | "max-spread-pct") =>
      Settings.ifGiven(options[name], (text) => Settings.threshold(`--${name}`, text))
    const spread = yield* threshold("max-spread-pct")
    return Assert.merge(options.relaxed ? Assert.relaxed : {}, {
      isolation: options.isolation ? true : undefined,
      maxGapMs: yield* threshold("max-gap-ms"),
      // Shares never differ by more than 100 points, so 100 turns the check off.
      maxSpreadPct: spread === undefined || spread < 100 ? spread : false
    })
  })

/**
 * Checks the options. Default: five seconds and two workers per cgroup. The error names the first wrong option and its value.
 *
 * @since 0.1.0
 * @category parsing
 */
export const runSettings = (options: RunOptions): Either.Either<RunSettings, UsageError | WorkTypeError> =>
  Either.gen(function* () {
    const durationMs = yield* Settings.durationMs("--duration", options.duration ?? "5")
    const workers = yield* Settings.ifGiven(options.workers, (text) => Settings.wholeNumber("--workers", text, 1, 4096))
    const memoryMb = yield* Settings.memoryMb(options.memory)
    const workTypeOverride = yield* Settings.workType(options["work-type"])
    const assert = yield* checks(options)
    const kargs = yield* Settings.kernelArguments("--kargs", options.kargs)
    const watchdog = yield* Settings.ifGiven(options.watchdog, (text) => Settings.threshold("--watchdog", text))
    return {
      durationMs,
      workersPerCgroup: workers ?? 2,
      memoryMb,
      workTypeOverride,
      assert,
      watchdogMs: watchdog === undefined ? undefined : 1000 * watchdog,
      kargs
    }
  })
