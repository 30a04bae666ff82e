import type { FileSystem, Path } from "@effect/platform"
import { Clock, Effect, type Scope } from "effect"
import { Assert, AssertResult, Checker, expectFailure, type Finding } from "../check/index.ts"
import type { Vm } from "../machine/index.ts"
import {
  type OutputFormatError,
  type OutputFormats,
  type PayloadError,
  type PayloadResult,
  type PayloadSpec,
  toPayloadResult
} from "../payload/index.ts"
import {
  type PayloadPlace,
  type Perturbation,
  Plan,
  PlanError,
  type PreparedPayload,
  perturb,
  preparePayload,
  preparePayloads
} from "../plan/index.ts"
import type { AgentEvent } from "../protocol/index.ts"
import { isScenarioProgram, Scenario, ScenarioContext, type ScenarioProgram } from "../scenario/index.ts"
import { describeSchedulerExit } from "../scheduler/index.ts"
import { accountOfExit, followGuest, SessionRecord, type SessionResult } from "../session/index.ts"
import type { WorkTypes } from "../work/index.ts"
import { checkedLayers, withUnjudged } from "./checkLayers.ts"
import { DeterminismReport, scheduleHash } from "./Determinism.ts"
import { endCauses } from "./endCauses.ts"
import { type Deadlines, deadlines, programDeadlines } from "./GuestSetup.ts"
import { followHost } from "./hostFollower.ts"
import { keepFailure } from "./keepFailure.ts"
import { doubted, machineDoubts } from "./machineDoubts.ts"
import { quoteOomKills } from "./oomKills.ts"
import { runProgram } from "./programRun.ts"
import { RunEvent } from "./RunEvent.ts"
import type { SettledScenario } from "./RunRequest.ts"
import type { RunResult } from "./RunResult.ts"
import { type Place, toResult } from "./runAccount.ts"
import { noScheduling } from "./scheduling.ts"

/** What to run: a plan, which the agent receives in full, or a program, which sends commands one by one. */
export type Work =
  | {
      readonly _tag: "Plan"
      readonly plan: Plan
      readonly payloads: ReadonlyArray<PreparedPayload>
      readonly cpuHotplug: boolean
    }
  | { readonly _tag: "Program"; readonly program: ScenarioProgram }

type PreparationError = PlanError | PayloadError | OutputFormatError

type PayloadServices = OutputFormats | FileSystem.FileSystem | Path.Path

/** What the agent needs to start. */
export interface AgentStart {
  readonly work: Work
  readonly limits: Deadlines
  /** Files that the work needs where it runs. */
  readonly includes: ReadonlyArray<string>
  readonly warn: (text: string) => Effect.Effect<void>
}

/** Starts the agent; closing the scope ends it. */
export type StartAgent<E, R> = (start: AgentStart) => Effect.Effect<Vm, E, R>

/** Host time allowed per unit of virtual time, on a host that does other work as well. */
const virtualPatience = 20

/** A kernel that boots in virtual time says something new at least every few seconds of the host; milliseconds, for a host that has other work as well. */
const virtualBootSilenceMs = 300_000

const reportOf = (
  { determinism, ingredients }: Place,
  perturbation: Perturbation | undefined,
  record: SessionRecord,
  session: SessionResult
) =>
  Effect.gen(function* () {
    if (determinism === undefined || session.eventHash === undefined) return null
    const { reports, schedstat } = record
    const schedule = schedstat === undefined ? null : yield* scheduleHash(schedstat, reports)
    return DeterminismReport.make({
      seed: determinism.seed,
      eventHash: session.eventHash,
      scheduleHash: schedule,
      perturbation: perturbation ?? null,
      ingredients: ingredients?.() ?? null
    })
  })

/** Converts an event of the agent to one for reporters; undefined if reporters don't need it. */
const toRunEvent = (
  event: AgentEvent,
  record: SessionRecord,
  name: string,
  bootMs: () => number,
  specs: ReadonlyMap<number, PayloadSpec>
): RunEvent | undefined => {
  const stimulus = record.add(event)
  if (stimulus !== undefined) return RunEvent.Stimulus({ event: stimulus })
  switch (event._tag) {
    case "Ready":
      return RunEvent.AgentReady({ release: event.release, bootMs: bootMs() })
    case "Step":
      return event.begin
        ? RunEvent.StepBegan({ index: event.index, count: event.count, label: event.label })
        : RunEvent.StepEnded({ index: event.index, count: event.count })
    case "Progress":
      return RunEvent.Holding({ elapsedMs: event.elapsedNs / 1e6, holdMs: event.holdNs / 1e6 })
    case "SchedStarted":
      return RunEvent.SchedulerAttached({ name, ops: event.ops, attachMs: event.attachNs / 1e6 })
    case "SchedEnded":
      return RunEvent.SchedulerEnded({ name, exit: describeSchedulerExit(event), message: event.message })
    case "Log":
      return RunEvent.GuestLog({ level: event.level, text: event.text })
    case "ProcExit": {
      const spec = specs.get(event.id)
      if (spec === undefined) return undefined
      return RunEvent.PayloadEnded({ name: spec.payload.name, cgroup: spec.cgroup, durationMs: event.durationNs / 1e6 })
    }
    default:
      return undefined
  }
}

/** Merges the verdict with the causes that ended the run early. Those come first, then the guest's own errors, then the checks. */
const withCauses = (
  checked: AssertResult,
  causes: ReadonlyArray<Finding>,
  { reports }: SessionRecord,
  payloads: ReadonlyArray<PayloadResult>
): AssertResult => {
  if (causes.length === 0) return checked
  const told = (outcome: Finding["outcome"]) =>
    causes.filter((cause) => cause.outcome === outcome).map(({ detail }) => detail)
  const [failed, open] = [told("fail"), told("inconclusive")]
  const ended = AssertResult.merge(
    failed.length > 0 ? AssertResult.fail(...failed) : AssertResult.pass,
    open.length > 0 ? AssertResult.inconclusive(...open) : AssertResult.pass
  )
  // Without a single report, the checks add nothing to the cause.
  const silent = reports.length === 0 && payloads.every(({ end }) => end.kind === "Lost")
  return silent ? ended : AssertResult.merge(ended, checked)
}

const workOf = (
  scenario: Scenario,
  ctx: ScenarioContext,
  place: PayloadPlace
): Effect.Effect<Work, PreparationError, WorkTypes | PayloadServices> =>
  Effect.gen(function* () {
    const built = scenario.build(ctx)
    if (isScenarioProgram(built)) return { _tag: "Program", program: built }
    const plan = yield* Plan.compile(built, ctx)
    const { commands, payloads } = yield* preparePayloads(plan, place)
    return { _tag: "Plan", plan: { ...plan, commands }, payloads, cpuHotplug: built.cpuHotplug === true }
  })

/** Runs a scenario wherever `start` puts the agent, and judges it. `onEvent` also receives the events of the beginning and the end. */
export const conductRun = <E, R>(
  request: SettledScenario,
  place: Place,
  start: StartAgent<E, R>,
  onEvent: (event: RunEvent) => Effect.Effect<void>
): Effect.Effect<RunResult, E | PreparationError, Exclude<R, Scope.Scope> | Checker | WorkTypes | PayloadServices> =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    yield* onEvent(
      RunEvent.RunStarted({
        scenario: request.scenario.name,
        variant: request.variant ?? "",
        topology: place.topology,
        kernel: place.kernel.version,
        durationS: request.durationMs / 1000
      })
    )
    const result = yield* Effect.scoped(conduct(request, place, start, onEvent, began))
    yield* onEvent(RunEvent.RunFinished({ result }))
    return result
  })

const conduct = <E, R>(
  request: SettledScenario,
  place: Place,
  start: StartAgent<E, R>,
  onEvent: (event: RunEvent) => Effect.Effect<void>,
  began: number
): Effect.Effect<RunResult, E | PreparationError, R | Scope.Scope | Checker | WorkTypes | PayloadServices> =>
  Effect.gen(function* () {
    const scheduling = place.scheduling ?? noScheduling
    const { binary, cgroupParent, startTimeoutMs } = scheduling.resolved.scheduler
    const record = new SessionRecord(cgroupParent)
    const sinceStart = Effect.map(Clock.currentTimeMillis, (now) => now - began)
    const unmet = place.unfit ?? Scenario.unmet(request.scenario, place.topo)
    if (unmet !== undefined) {
      const timings = { prepareMs: 0, bootMs: 0, runMs: 0, totalMs: yield* sinceStart }
      const verdict = AssertResult.skip(unmet)
      const none = {
        plan: undefined,
        payloads: [],
        vm: undefined,
        session: undefined,
        exit: "not started",
        determinism: null,
        hostDelay: undefined,
        warnings: []
      }
      return toResult({ request, place, verdict, record, timings, ...none })
    }
    const ctx = ScenarioContext.make({ ...request, topo: place.topo, scheduler: place.scheduler })
    const payloadPlace: PayloadPlace = place.packs ? "guest" : "host"
    const work = yield* workOf(request.scenario, ctx, payloadPlace)
    const own = work._tag === "Plan" ? work.plan.assert : work.program.assert
    const layers = yield* checkedLayers(request, own, scheduling.resolved.scheduler)
    const specs = new Map(work._tag === "Plan" ? work.payloads.map(({ id, spec }) => [id, spec]) : [])
    const payloadServices = yield* Effect.context<PayloadServices>()
    const { determinism } = place
    if (determinism !== undefined && work._tag === "Program") {
      const message = `scenario '${request.scenario.name}' is a program, which the host runs in its own time: a deterministic clock takes scenarios of steps only; leave out --clock deterministic`
      return yield* new PlanError({ reason: "Program", message })
    }
    const warnings: Array<string> = []
    const warn = (text: string) =>
      Effect.suspend(() => {
        warnings.push(text)
        return onEvent(RunEvent.Warning({ text }))
      })
    if (work._tag === "Plan") yield* Effect.forEach(work.plan.warnings, warn, { discard: true })
    const where = {
      cpus: place.topo.allCpus.size,
      bootMs: request.bootTimeoutMs,
      attachMs: binary._tag === "Eevdf" ? 0 : startTimeoutMs
    }
    const limits =
      work._tag === "Plan"
        ? deadlines({ plan: work.plan, ...where })
        : programDeadlines({ limitMs: work.program.limitMs, ...where })
    const needed = work._tag === "Plan" ? work.plan.includes : work.program.includes
    const includes = [...new Set([...request.includes, ...needed])]
    const perturbed =
      determinism !== undefined && work._tag === "Plan"
        ? perturb(work.plan.commands, determinism.seed, place.topo.allCpus.size)
        : undefined
    const perturbedWork: Work =
      perturbed === undefined || work._tag === "Program"
        ? work
        : { ...work, plan: { ...work.plan, commands: perturbed.commands } }
    const vm = yield* start({ work: perturbedWork, limits, includes, warn })
    const prepareMs = yield* sinceStart
    yield* onEvent(RunEvent.Booting({ backend: vm.backend, clock: vm.clock }))
    let readyMs = 0
    const host = followHost(vm)
    const onAgentEvent = (event: AgentEvent) =>
      Effect.flatMap(sinceStart, (now) => {
        if (event._tag === "Ready") readyMs = now
        host.heard(event)
        if (event._tag === "Trace") place.trace?.onTrace(event.bytes)
        const told = toRunEvent(event, record, place.scheduler, () => readyMs - prepareMs, specs)
        if (told === undefined) return Effect.void
        return event._tag === "Ready" && binary._tag !== "Eevdf"
          ? Effect.zipRight(onEvent(told), onEvent(RunEvent.SchedulerStarting({ name: place.scheduler })))
          : onEvent(told)
      })
    const patience = determinism === undefined ? 1 : virtualPatience
    const session = {
      ring: place.ring,
      bootTimeoutMs: request.bootTimeoutMs ?? limits.bootMs * patience,
      bootSilenceMs: determinism === undefined ? undefined : virtualBootSilenceMs,
      deterministic: determinism !== undefined,
      onEvent: onAgentEvent
    }
    const run =
      work._tag === "Plan"
        ? {
            session: yield* followGuest(vm, { ...session, planTimeoutMs: limits.planMs * patience }),
            groups: work.plan.groups,
            cgroups: work.plan.cgroups,
            payloads: yield* Effect.forEach(work.payloads, (payload) =>
              toPayloadResult({ ...payload, process: record.processes.get(payload.id) })
            ),
            failures: []
          }
        : yield* runProgram(vm, {
            ...session,
            name: request.scenario.name,
            program: work.program,
            scheduling,
            ctx,
            packed: place.packs ? new Set(includes) : undefined,
            record,
            prepare: (spec) => Effect.provide(preparePayload(spec, payloadPlace), payloadServices),
            onHolding: (elapsedNs, holdNs) =>
              onEvent(RunEvent.Holding({ elapsedMs: elapsedNs / 1e6, holdMs: holdNs / 1e6 }))
          })
    place.trace?.onConsole(vm.consoleTail(Number.POSITIVE_INFINITY))
    const settled = Assert.settle(Assert.forClock(vm.clock), layers)
    const delay = host.account()
    const causes = endCauses({
      record,
      session: run.session,
      failures: run.failures,
      host: delay.time,
      whole: delay.whole,
      patience: { startTimeoutMs, watchdogMs: scheduling.watchdogMs }
    })
    const checked = yield* (yield* Checker).judge({
      ...settled,
      topology: place.topo,
      plan: run,
      reports: record.reports,
      payloads: run.payloads,
      host: delay.time,
      cutShort: causes.length > 0 && causes.every(({ outcome }) => outcome === "inconclusive")
    })
    const whole = withCauses(checked, causes, record, run.payloads)
    const wanted = withUnjudged(expectFailure(whole, request.expectError), settled)
    // Contradictory reports, or reports of workers that were never started, can't support a verdict, not even an expected failure.
    const contradictions = record.contradictions(run.groups)
    const expected = AssertResult.merge(
      wanted,
      contradictions.length > 0 ? AssertResult.inconclusive(...contradictions) : AssertResult.pass
    )
    yield* Effect.forEach(
      run.payloads.flatMap((payload) => payload.warnings),
      warn,
      { discard: true }
    )
    const doubts = machineDoubts(record, place.asked)
    yield* Effect.forEach(doubts.notes, warn, { discard: true })
    const told = work._tag === "Plan" ? work.cpuHotplug : work.program.cpuHotplug
    const meant = request.cpuHotplug ?? (request.scenario.cpuHotplug === true || told)
    if (meant) yield* Effect.forEach([...doubts.start, ...doubts.later], warn, { discard: true })
    const judged = meant ? expected : doubted(expected, doubts)
    const details = quoteOomKills(judged.details, vm.consoleTail(Number.POSITIVE_INFINITY))
    const verdict = AssertResult.make({ ...judged, details: [...details] })
    if (verdict.outcome !== "pass" && delay.unknown !== undefined) {
      yield* warn(
        `how long the host kept the machine waiting is unknown, so no failure is put down to it: ${delay.unknown}`
      )
    }
    const totalMs = yield* sinceStart
    const { bootMs, end } = run.session
    const timings = { prepareMs, bootMs: bootMs ?? 0, runMs: readyMs === 0 ? 0 : totalMs - readyMs, totalMs }
    const exit = end._tag === "Ended" ? accountOfExit(end.exit) : "ended by the host"
    const result = toResult({
      request,
      place,
      verdict,
      plan: run,
      payloads: run.payloads,
      record,
      vm,
      session: run.session,
      exit,
      determinism: yield* reportOf(place, perturbed?.perturbation, record, run.session),
      hostDelay: delay.whole,
      warnings,
      timings
    })
    return result.outcome === "fail" || result.outcome === "inconclusive"
      ? yield* keepFailure({ result, request, place, record, session: run.session, vm, warn })
      : result
  })
