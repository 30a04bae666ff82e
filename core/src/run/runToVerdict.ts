import { Clock, Effect, type Scope } from "effect"
import { nextTurn } from "../base/index.ts"
import { AssertResult, type Checker } from "../check/index.ts"
import type { Vm } from "../machine/index.ts"
import type { AgentEvent } from "../protocol/index.ts"
import { Scenario } from "../scenario/index.ts"
import { accountOfExit, SessionRecord, type SessionResult } from "../session/index.ts"
import type { WorkTypes } from "../work/index.ts"
import { checkedLayers } from "./checkLayers.ts"
import { DeterminismReport, type Ingredients, scheduleHash } from "./Determinism.ts"
import { followHost } from "./hostFollower.ts"
import { judgeRun } from "./judgeRun.ts"
import type { FollowOptions, PayloadServices, PreparationError, PreparedScenario } from "./PreparedScenario.ts"
import { prepareScenario } from "./prepareScenario.ts"
import { RunEvent } from "./RunEvent.ts"
import type { SettledScenario } from "./RunRequest.ts"
import type { RunResult } from "./RunResult.ts"
import type { RunTarget } from "./RunTarget.ts"
import { saveFailedRun } from "./saveFailedRun.ts"
import { noScheduling } from "./scheduling.ts"
import { toRunEvent } from "./toRunEvent.ts"
import { toRunResult } from "./toRunResult.ts"

/** What the agent needs to start. */
export interface AgentStart {
  readonly prepared: PreparedScenario
  readonly warn: (text: string) => Effect.Effect<void>
}

/** A machine with a starting agent. */
export interface StartedAgent {
  readonly vm: Vm
  /** What the machine was made of; null unless it is deterministic. */
  readonly ingredients: Ingredients | null
}

/** Starts the agent; closing the scope ends it. */
export type StartAgent<E, R> = (start: AgentStart) => Effect.Effect<StartedAgent, E, R>

type OnEvent = (event: RunEvent) => Effect.Effect<void>

/** Host time allowed per unit of virtual time, on a host that does other work as well. */
const virtualTimeoutFactor = 20

/** A kernel that boots in virtual time says something new at least every few seconds of the host; milliseconds, for a host that has other work as well. */
const virtualBootSilenceMs = 300_000

/** Returns how long the session may take and what it may do on the requested clock. */
const sessionLimits = (
  { bootTimeoutMs }: SettledScenario,
  { determinism }: RunTarget,
  { limits }: PreparedScenario
): Omit<FollowOptions, "ring" | "onEvent" | "record" | "onHolding"> => {
  const factor = determinism === undefined ? 1 : virtualTimeoutFactor
  return {
    bootTimeoutMs: bootTimeoutMs ?? limits.bootMs * factor,
    bootSilenceMs: determinism === undefined ? undefined : virtualBootSilenceMs,
    planTimeoutMs: limits.planMs * factor,
    deterministic: determinism !== undefined
  }
}

const reportOf = Effect.fnUntraced(function* (
  { determinism }: RunTarget,
  { perturbation }: PreparedScenario,
  { ingredients }: StartedAgent,
  { reports, schedstat }: SessionRecord,
  { eventHash }: SessionResult
) {
  if (determinism === undefined || eventHash === undefined) return null
  const schedule = schedstat === undefined ? null : yield* scheduleHash(schedstat, reports)
  return DeterminismReport.make({
    seed: determinism.seed,
    eventHash,
    scheduleHash: schedule,
    perturbation: perturbation ?? null,
    ingredients
  })
})

/** Runs a scenario wherever `start` puts the agent, and judges it. `onEvent` also receives the events of the beginning and the end. */
export const runToVerdict = <E, R>(
  request: SettledScenario,
  target: RunTarget,
  start: StartAgent<E, R>,
  onEvent: OnEvent
): Effect.Effect<RunResult, E | PreparationError, Exclude<R, Scope.Scope> | Checker | WorkTypes | PayloadServices> =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    yield* onEvent(
      RunEvent.RunStarted({
        scenario: request.scenario.name,
        variant: request.variant ?? "",
        topology: target.topology,
        kernel: target.kernel.version,
        durationS: request.durationMs / 1000
      })
    )
    const sinceStart = Effect.map(Clock.currentTimeMillis, (now) => now - began)
    const unmet = target.skipReason ?? Scenario.unmet(request.scenario, target.topo)
    const result =
      unmet === undefined
        ? yield* Effect.scoped(runAndJudge(request, target, start, onEvent, sinceStart))
        : skipped(request, target, unmet, yield* sinceStart)
    yield* onEvent(RunEvent.RunFinished({ result }))
    return result
  })

/** Returns the result of a run that makes no sense where it was requested. */
const skipped = (request: SettledScenario, target: RunTarget, unmet: string, totalMs: number): RunResult =>
  toRunResult({
    request,
    target,
    verdict: AssertResult.skip(unmet),
    plan: undefined,
    payloads: [],
    record: new SessionRecord((target.scheduling ?? noScheduling).resolved.scheduler.cgroupParent),
    vm: undefined,
    session: undefined,
    exit: "not started",
    determinism: null,
    hostDelay: undefined,
    warnings: [],
    timings: { prepareMs: 0, bootMs: 0, runMs: 0, totalMs }
  })

const runAndJudge = <E, R>(
  request: SettledScenario,
  target: RunTarget,
  start: StartAgent<E, R>,
  onEvent: OnEvent,
  sinceStart: Effect.Effect<number>
): Effect.Effect<RunResult, E | PreparationError, R | Scope.Scope | Checker | WorkTypes | PayloadServices> =>
  Effect.gen(function* () {
    const { scheduler } = (target.scheduling ?? noScheduling).resolved
    const record = new SessionRecord(scheduler.cgroupParent)
    const prepared = yield* prepareScenario(request, target)
    const layers = yield* checkedLayers(request, prepared.assert, scheduler)
    const warnings: Array<string> = []
    const warn = (text: string) =>
      Effect.suspend(() => {
        warnings.push(text)
        return onEvent(RunEvent.Warning({ text }))
      })
    yield* Effect.forEach(prepared.warnings, warn, { discard: true })
    const started = yield* start({ prepared, warn })
    const { vm } = started
    const prepareMs = yield* sinceStart
    yield* onEvent(RunEvent.Booting({ backend: vm.backend, clock: vm.clock }))
    let readyMs = 0
    const host = followHost(vm)
    const context = {
      scheduler: target.scheduler,
      bootMs: () => readyMs - prepareMs,
      payloadSpecs: prepared.payloadSpecs
    }
    const onAgentEvent = (event: AgentEvent) =>
      Effect.flatMap(sinceStart, (now) => {
        if (event._tag === "Ready") readyMs = now
        host.heard(event)
        if (event._tag === "Trace") target.trace?.onTrace(event.bytes)
        const stimulus = record.add(event)
        const shown = stimulus === undefined ? toRunEvent(event, context) : RunEvent.Stimulus({ event: stimulus })
        if (shown === undefined) return Effect.void
        return event._tag === "Ready" && scheduler.binary._tag !== "Eevdf"
          ? Effect.zipRight(onEvent(shown), onEvent(RunEvent.SchedulerStarting({ name: target.scheduler })))
          : onEvent(shown)
      })
    const run = yield* prepared.run(vm, {
      ...sessionLimits(request, target, prepared),
      ring: target.ring,
      record,
      onEvent: onAgentEvent,
      onHolding: (elapsedNs, holdNs) => onEvent(RunEvent.Holding({ elapsedMs: elapsedNs / 1e6, holdMs: holdNs / 1e6 }))
    })
    target.trace?.onConsole(vm.consoleTail(Number.POSITIVE_INFINITY))
    const delay = host.account()
    // Judging and describing a run takes milliseconds; other machines may be running.
    yield* nextTurn
    const judged = yield* judgeRun({ request, target, prepared, layers, vm, record, run, delay })
    yield* nextTurn
    yield* Effect.forEach(judged.warnings, warn, { discard: true })
    const totalMs = yield* sinceStart
    const { bootMs, end } = run.session
    const result = toRunResult({
      request,
      target,
      verdict: judged.verdict,
      plan: run,
      payloads: run.payloads,
      record,
      vm,
      session: run.session,
      exit: end._tag === "Ended" ? accountOfExit(end.exit) : "ended by the host",
      determinism: yield* reportOf(target, prepared, started, record, run.session),
      hostDelay: delay.runDelay,
      warnings,
      timings: { prepareMs, bootMs: bootMs ?? 0, runMs: readyMs === 0 ? 0 : totalMs - readyMs, totalMs }
    })
    yield* nextTurn
    return result.outcome === "fail" || result.outcome === "inconclusive"
      ? yield* saveFailedRun({ result, request, target, record, session: run.session, vm, warn })
      : result
  })
