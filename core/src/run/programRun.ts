import { Cause, Deferred, Effect, Exit, Fiber, type Scope } from "effect"
import { type LiveScenario, type LiveScenarioOptions, makeLiveScenario } from "../live/index.ts"
import type { Vm } from "../machine/index.ts"
import { Command } from "../protocol/index.ts"
import type { ScenarioContext, ScenarioProgram } from "../scenario/index.ts"
import { CommandRefused, type GuestLost, type LiveGuest, makeLiveGuest, type SessionResult } from "../session/index.ts"
import type { WorkTypes } from "../work/index.ts"
import type { ProgramFailure } from "./endCauses.ts"
import type { FollowOptions, ScenarioRun } from "./PreparedScenario.ts"
import { placedGuest, type Scheduling } from "./scheduling.ts"

export interface ProgramRunOptions extends FollowOptions {
  readonly name: string
  readonly program: ScenarioProgram
  readonly ctx: ScenarioContext
  readonly scheduling: Scheduling
  readonly packed: ReadonlySet<string> | undefined
  readonly prepare: LiveScenarioOptions["prepare"]
}

/** How long an interrupted program may take to clean up, in milliseconds. */
const cleanupMs = 5_000
/** Limit from `END` to `DONE` in milliseconds: workers are stopped and reported, with 5 s or more for those that do not react. */
const endMs = 60_000

/** Describes an error in one line: its tag or class, if it has one, and the message. */
const describe = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error)
  const tag = (error as { readonly _tag?: unknown } | null)?._tag
  const name = typeof tag === "string" ? tag : error instanceof Error ? error.name : undefined
  const line = text.replace(/\s*\n\s*/g, "; ")
  return name === undefined || line.startsWith(name) ? line : line === "" ? name : `${name}: ${line}`
}

const isLost = (defect: unknown): boolean => (defect as { readonly _tag?: unknown } | null)?._tag === "GuestLost"

/** How many errors deep the agent's own error is looked for below a program's. */
const deepestCause = 8

/** Makes a failure of an error; if a command that the agent gave up waiting for caused it, the failure has that wait. */
const failureOf = (detail: string, error: unknown): ProgramFailure => {
  let at = error
  for (let depth = 0; depth < deepestCause && at instanceof Error; depth++, at = at.cause) {
    if (at instanceof CommandRefused) return { detail, late: at.late }
  }
  return { detail, late: undefined }
}

export const failuresOf = (exit: Exit.Exit<unknown, unknown>): ReadonlyArray<ProgramFailure> => {
  if (Exit.isSuccess(exit)) return []
  const failed = [...Cause.failures(exit.cause)].map((error) =>
    failureOf(`the scenario failed: ${describe(error)}`, error)
  )
  const died = [...Cause.defects(exit.cause)]
    // The loss of the guest ended these commands; the session's end says more.
    .filter((defect) => !isLost(defect))
    .map((defect) => failureOf(`the scenario's program died: ${describe(defect)}`, defect))
  const all = [...failed, ...died]
  return all.length > 0 || !Cause.isInterruptedOnly(exit.cause)
    ? all
    : [{ detail: "the scenario's program interrupted itself", late: undefined }]
}

const lostSession = (lost: GuestLost): SessionResult =>
  lost.session ?? { end: lost.end, stage: "scenario running", bootMs: undefined, kernelLog: [] }

/** Interrupts a fiber and waits for its finalizers, but not forever: the user's own may hang. */
const abandon = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Effect.Effect<unknown> =>
  Effect.zipRight(Fiber.interruptFork(fiber), Effect.interruptible(Effect.timeoutOption(Fiber.await(fiber), cleanupMs)))

/** Runs commands and returns why the agent rejected one; empty if it did not. If the guest is lost, the session's end says so. */
const obeyAll = (guest: LiveGuest, commands: ReadonlyArray<Command>): Effect.Effect<ReadonlyArray<ProgramFailure>> =>
  Effect.forEach(commands, (command) => guest.obey(command), { discard: true }).pipe(
    Effect.as<ReadonlyArray<ProgramFailure>>([]),
    Effect.catchTags({
      CommandRefused: (error) => Effect.succeed([failureOf(error.message, error)]),
      GuestLost: () => Effect.succeed([])
    })
  )

/** Runs the program within its time limit and returns its failures; none if the guest's end cut it off. */
const runBody = Effect.fnUntraced(function* (
  options: ProgramRunOptions,
  guest: LiveGuest,
  live: LiveScenario,
  died: Effect.Effect<void>
) {
  const { limitMs, program } = options.program
  const fiber = yield* Effect.forkDaemon(Effect.interruptible(Effect.provide(program, live.services)))
  const late = Effect.as(Effect.sleep(limitMs), "late" as const)
  const lost = Effect.as(Effect.flip(guest.lost), "lost" as const)
  const over = Effect.as(died, "lost" as const)
  const how = yield* Effect.raceAll([Fiber.await(fiber), late, lost, over]).pipe(
    Effect.onInterrupt(() => abandon(fiber))
  )
  if (typeof how !== "string") return failuresOf(how)
  yield* abandon(fiber)
  const detail = `the scenario's program did not end within ${limitMs / 1000} s and was interrupted`
  return how === "lost" ? [] : [{ detail, late: undefined }]
})

/**
 * Follows a machine whose agent takes commands, runs the program against it, and then lets the agent stop and report the remaining workers. The
 * result contains whatever program and guest do. The session ends with the scope.
 */
export const runProgram = Effect.fn("ProgramRun.run")(function* (
  vm: Vm,
  options: ProgramRunOptions
): Effect.fn.Return<ScenarioRun, never, Scope.Scope | WorkTypes> {
  const { bootTimeoutMs, onEvent, ring } = options
  const started = yield* Effect.either(makeLiveGuest(vm, { ring, bootTimeoutMs, onEvent }))
  if (started._tag === "Left") {
    return { session: lostSession(started.left), groups: [], cgroups: [], payloads: [], failures: [] }
  }
  const guest = started.right
  const live = makeLiveScenario({ ...options, guest: placedGuest(guest, options.scheduling) })
  const died = yield* Deferred.make<void>()
  yield* guest.listen((event) =>
    event._tag === "SchedEnded" && event.message !== "" ? Deferred.succeed(died, undefined) : Effect.void
  )
  const failures = [...(yield* obeyAll(guest, options.scheduling.before))]
  yield* Effect.ignore(guest.tell(Command.StepBegin({ index: 0, count: 1, label: options.name })))
  if (failures.length === 0) failures.push(...(yield* runBody(options, guest, live, Deferred.await(died))))
  const over = Effect.flip(guest.lost)
  if (failures.length === 0) {
    // If the guest is lost meanwhile, this ends early, and the session reports the loss.
    const finished = yield* Effect.raceFirst(Effect.exit(live.finish), Effect.as(over, Exit.succeed([])))
    if (Exit.isSuccess(finished)) failures.push(...finished.value.map((error) => failureOf(error.message, error)))
    yield* Effect.ignore(guest.tell(Command.StepEnd({ index: 0 })))
    failures.push(...(yield* obeyAll(guest, options.scheduling.after)))
  }
  yield* Effect.ignore(guest.tell(Command.End()))
  const session = yield* Effect.timeoutTo(Effect.map(over, lostSession), {
    duration: endMs,
    onSuccess: (result) => result,
    onTimeout: (): SessionResult => ({
      end: { _tag: "PlanTimeout", ms: endMs },
      stage: "scenario running",
      bootMs: undefined,
      kernelLog: []
    })
  })
  return { session, ...live.account(), payloads: yield* live.payloads, failures }
})
