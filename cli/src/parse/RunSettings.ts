/**
 * How scenarios run in a machine: the options that `run`, `explore` and replay files have in common, checked.
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
 * The options as they were given.
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
 * What they mean; undefined is left to the scenario, the scheduler or the machine.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunSettings {
  readonly durationMs: number
  readonly workersPerCgroup: number
  readonly memoryMb: number | undefined
  readonly workTypeOverride: WorkTypeRef | undefined
  /** The checks that the command line sets, above those of the scenario. */
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
      // No shares differ by more than 100 points: who says so wants none of it judged.
      maxSpreadPct: spread === undefined || spread < 100 ? spread : false
    })
  })

/**
 * Five seconds and two workers a cgroup where nothing else was given. The error names the first option that is wrong, and its value.
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
