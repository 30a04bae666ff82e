/**
 * Resolves `--scheduler` and its related options to schedulers that can run.
 *
 * @since 0.1.0
 */
import { basename } from "node:path"
import { FlagProfile, resolveScheduler, Scheduler, SchedulerBinary } from "@ktstr/core"
import { isKernelScheduler } from "@ktstr/core/kernel"
import { Schedulers } from "@ktstr/core/scheduler"
import { Effect, Option } from "effect"
import { UsageError, words } from "../parse/index.ts"

/**
 * Holds the options as given.
 *
 * @since 0.1.0
 * @category models
 */
export interface SchedulerChoice {
  readonly scheduler: string | undefined
  readonly "sched-args": ReadonlyArray<string>
  readonly flags: string | undefined
  readonly "all-profiles": boolean
}

/** Returns the scheduler for a path (it has a slash), for a registered name, or for the name of a program to look for. */
const declared = Effect.fnUntraced(function* (text: string) {
  if (text.includes("/")) {
    const name = basename(text).replace(/[\s+]/g, "_")
    return Scheduler.make(name || "scheduler", { binary: SchedulerBinary.Path(text) })
  }
  const found = yield* Effect.flatMap(Schedulers, (registry) => registry.find(text))
  if (Option.isSome(found)) return found.value
  if (isKernelScheduler(text)) return Scheduler.eevdf
  return yield* Effect.try({
    try: (): Scheduler => Scheduler.make(text, { binary: SchedulerBinary.Discover(text) }),
    catch: (error) => new UsageError({ message: error instanceof Error ? error.message : String(error) })
  })
})

/**
 * Returns the scheduler of `--scheduler` once per requested profile, or undefined if none was named.
 *
 * @since 0.1.0
 * @category parsing
 */
export const chosenSchedulers = Effect.fn("SchedulerChoice.resolve")(function* (choice: SchedulerChoice) {
  const { flags, scheduler: text } = choice
  if (text === undefined) {
    const orphaned = [
      ...(choice["sched-args"].length > 0 ? ["--sched-args"] : []),
      ...(flags === undefined ? [] : ["--flags"]),
      ...(choice["all-profiles"] ? ["--all-profiles"] : [])
    ]
    if (orphaned.length === 0) return undefined
    return yield* new UsageError({ message: `${orphaned.join(" and ")} needs --scheduler NAME or --scheduler PATH` })
  }
  const scheduler = yield* declared(text)
  const names = flags?.split(",").filter((name) => name !== "") ?? []
  const profiles = choice["all-profiles"]
    ? yield* FlagProfile.all(scheduler, { required: names })
    : [yield* FlagProfile.of(scheduler, names)]
  const extraArgs = words(choice["sched-args"])
  return yield* Effect.forEach(profiles, (profile) =>
    Effect.map(resolveScheduler(scheduler, { profile, extraArgs }), (resolved) => ({ ...resolved, asked: text }))
  )
})
