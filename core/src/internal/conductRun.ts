import { Clock, Effect, type Scope } from "effect"
import { Assert } from "../Assert.ts"
import { AssertResult } from "../AssertResult.ts"
import { Checker } from "../Checker.ts"
import { type Deadlines, deadlines, programDeadlines } from "../GuestSetup.ts"
import type { AgentEvent } from "../guest/AgentEvent.ts"
import { Command, encodePlan } from "../guest/Command.ts"
import { accountOfExit, describeEnd, followGuest, type SessionResult } from "../guest/GuestSession.ts"
import { SessionRecord } from "../guest/SessionRecord.ts"
import { Plan, type PlanError } from "../Plan.ts"
import { RunEvent } from "../RunEvent.ts"
import { CgroupResult, RunResult } from "../RunResult.ts"
import type { ScenarioRequest } from "../RunScenario.ts"
import { Scenario } from "../Scenario.ts"
import { ScenarioContext } from "../ScenarioContext.ts"
import { ScenarioProgram } from "../ScenarioProgram.ts"
import type { TestTopology } from "../TestTopology.ts"
import type { Vm } from "../Vmm.ts"
import type { WorkTypes } from "../WorkType.ts"
import { expectFailure } from "./expectFailure.ts"
import { runProgram } from "./programRun.ts"

/** What runs: commands that the agent has whole, or a program that sends them one by one. */
export type Work =
  | { readonly _tag: "Plan"; readonly plan: Plan }
  | { readonly _tag: "Program"; readonly program: ScenarioProgram }

/** Where it runs. */
export interface Place {
  readonly topo: TestTopology
  /** As asked for. */
  readonly topology: string
  readonly kernel: { readonly image: string; readonly version: string; readonly key: string | null }
  readonly scheduler: string
  readonly ring: { readonly address: number; readonly size: number } | undefined
  /** Whether files reach the workers only by being packed. */
  readonly packs: boolean
}

/** What the agent is started for. */
export interface AgentStart {
  readonly work: Work
  readonly limits: Deadlines
  /** Files that the work needs where it runs. */
  readonly includes: ReadonlyArray<string>
  readonly warn: (text: string) => Effect.Effect<void>
}

/** Starts the agent; its end is that of the scope. */
export type StartAgent<E, R> = (start: AgentStart) => Effect.Effect<Vm, E, R>

/** The file that the agent runs. */
export const planBytes = (plan: Plan): Uint8Array =>
  encodePlan([Command.Config({ symbols: [], sysctls: [] }), ...plan.commands])

/** What the checks and the result ask of a plan or of what a program did. */
type Ran = Pick<Plan, "groups" | "cgroups">

/** Everything known when a run is over. */
interface Account {
  readonly request: ScenarioRequest
  readonly place: Place
  readonly verdict: AssertResult
  readonly plan: Ran | undefined
  readonly record: SessionRecord
  readonly vm: Vm | undefined
  readonly session: SessionResult | undefined
  readonly exit: string
  readonly warnings: ReadonlyArray<string>
  readonly timings: {
    readonly prepareMs: number
    readonly bootMs: number
    readonly runMs: number
    readonly totalMs: number
  }
}

const consoleLines = 20

const toResult = (account: Account): RunResult => {
  const { place, plan, record, request, session, verdict, vm } = account
  const wentWrong = verdict.outcome === "fail" && session !== undefined && describeEnd(session) !== undefined
  const names = [
    ...new Set([...(plan?.cgroups.map((cgroup) => cgroup.name) ?? []), ...record.reports.map((r) => r.cgroup)])
  ]
  return RunResult.make(
    {
      schemaVersion: 1,
      scenario: request.scenario.name,
      outcome: verdict.outcome,
      details: verdict.details,
      clock: vm?.clock ?? "emulated",
      backend: vm?.backend ?? "none",
      kernel: {
        release: record.ready?.release ?? "",
        image: place.kernel.image,
        key: place.kernel.key
      },
      topology: { requested: place.topology, guest: record.topology },
      scheduler: place.scheduler,
      durationS: request.durationMs / 1000,
      cgroups: names.flatMap((name) => {
        const stats = verdict.cgroups[name]
        if (stats === undefined) return []
        const workers = record.reports.filter((report) => report.cgroup === name)
        const groups = plan?.groups.filter((group) => group.cgroup === name) ?? []
        return [
          CgroupResult.make(
            {
              name: name === "" ? "/" : name,
              workType: [...new Set(groups.map((group) => group.workType))].join("+"),
              cpuset: String(plan?.cgroups.find((cgroup) => cgroup.name === name)?.cpuset ?? ""),
              stats,
              workers
            },
            { disableValidation: true }
          )
        ]
      }),
      totals: verdict.totals,
      stimuli: record.stimuli,
      timings: account.timings,
      warnings: [...account.warnings, ...record.logs],
      diagnostics: wentWrong
        ? { stage: session.stage, exit: account.exit, consoleTail: vm?.consoleTail(consoleLines) ?? [] }
        : null
    },
    { disableValidation: true }
  )
}

/** The agent's events as those a reporter knows. */
const toRunEvent = (event: AgentEvent, record: SessionRecord, bootMs: () => number): RunEvent | undefined => {
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
    case "Log":
      return RunEvent.GuestLog({ level: event.level, text: event.text })
    default:
      return undefined
  }
}

/** What ended the run before its work did comes first, then the guest's own error, then the checks. */
const withCauses = (
  checked: AssertResult,
  record: SessionRecord,
  session: SessionResult,
  failures: ReadonlyArray<string>
): AssertResult => {
  const ended = describeEnd(session)
  const causes = [...failures, ...record.errors.map((error) => `${error.where}: ${error.message}`)]
  if (ended !== undefined) causes.push(ended)
  if (session.end._tag === "Done" && !session.end.ok && causes.length === 0) {
    causes.push("the agent stopped the plan without saying why")
  }
  if (causes.length === 0) return checked
  const failed = AssertResult.fail(...causes)
  // Without a single report the checks have nothing to say beside the cause.
  return record.reports.length === 0 ? failed : AssertResult.merge(failed, checked)
}

const workOf = (scenario: Scenario, ctx: ScenarioContext): Effect.Effect<Work, PlanError, WorkTypes> =>
  Effect.suspend(() => {
    const built = scenario.build(ctx)
    return built instanceof ScenarioProgram
      ? Effect.succeed<Work>({ _tag: "Program", program: built })
      : Effect.map(Plan.compile(built, ctx), (plan): Work => ({ _tag: "Plan", plan }))
  })

/** Runs a scenario wherever `start` puts the agent. The events of beginning and end are told, too. */
export const conductRun = <E, R>(
  request: ScenarioRequest,
  place: Place,
  start: StartAgent<E, R>,
  onEvent: (event: RunEvent) => Effect.Effect<void>
): Effect.Effect<RunResult, E | PlanError, Exclude<R, Scope.Scope> | Checker | WorkTypes> =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    yield* onEvent(
      RunEvent.RunStarted({
        scenario: request.scenario.name,
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
  request: ScenarioRequest,
  place: Place,
  start: StartAgent<E, R>,
  onEvent: (event: RunEvent) => Effect.Effect<void>,
  began: number
): Effect.Effect<RunResult, E | PlanError, R | Scope.Scope | Checker | WorkTypes> =>
  Effect.gen(function* () {
    const record = new SessionRecord()
    const sinceStart = Effect.map(Clock.currentTimeMillis, (now) => now - began)
    const unmet = Scenario.unmet(request.scenario, place.topo)
    if (unmet !== undefined) {
      const timings = { prepareMs: 0, bootMs: 0, runMs: 0, totalMs: yield* sinceStart }
      const verdict = AssertResult.skip(unmet)
      const none = { plan: undefined, vm: undefined, session: undefined, exit: "not started", warnings: [] }
      return toResult({ request, place, verdict, record, timings, ...none })
    }
    const ctx = ScenarioContext.make({ ...request, topo: place.topo })
    const work = yield* workOf(request.scenario, ctx)
    const warnings: Array<string> = []
    const warn = (text: string) =>
      Effect.suspend(() => {
        warnings.push(text)
        return onEvent(RunEvent.Warning({ text }))
      })
    if (work._tag === "Plan") yield* Effect.forEach(work.plan.warnings, warn, { discard: true })
    const where = { cpus: place.topo.allCpus.size, bootMs: request.bootTimeoutMs }
    const limits =
      work._tag === "Plan"
        ? deadlines({ plan: work.plan, ...where })
        : programDeadlines({ limitMs: work.program.limitMs, ...where })
    const needed = work._tag === "Plan" ? work.plan.includes : work.program.includes
    const includes = [...new Set([...request.includes, ...needed])]
    const vm = yield* start({ work, limits, includes, warn })
    const prepareMs = yield* sinceStart
    yield* onEvent(RunEvent.Booting({ backend: vm.backend, clock: vm.clock }))
    let readyMs = 0
    const onAgentEvent = (event: AgentEvent) =>
      Effect.flatMap(sinceStart, (now) => {
        if (event._tag === "Ready") readyMs = now
        const told = toRunEvent(event, record, () => readyMs - prepareMs)
        return told === undefined ? Effect.void : onEvent(told)
      })
    const session = { ring: place.ring, bootTimeoutMs: limits.bootMs, onEvent: onAgentEvent }
    const run =
      work._tag === "Plan"
        ? {
            session: yield* followGuest(vm, { ...session, planTimeoutMs: limits.planMs }),
            groups: work.plan.groups,
            cgroups: work.plan.cgroups,
            failures: []
          }
        : yield* runProgram(vm, {
            ...session,
            name: request.scenario.name,
            program: work.program,
            ctx,
            packed: place.packs ? new Set(includes) : undefined,
            record,
            onHolding: (elapsedNs, holdNs) =>
              onEvent(RunEvent.Holding({ elapsedMs: elapsedNs / 1e6, holdMs: holdNs / 1e6 }))
          })
    const own = work._tag === "Plan" ? work.plan.assert : work.program.assert
    const assert = Assert.merge(Assert.forClock(vm.clock), own, request.assert)
    const checked = yield* (yield* Checker).judge({ assert, plan: run, reports: record.reports })
    const verdict = expectFailure(withCauses(checked, record, run.session, run.failures), request.expectError)
    const totalMs = yield* sinceStart
    const { bootMs, end } = run.session
    const timings = { prepareMs, bootMs: bootMs ?? 0, runMs: readyMs === 0 ? 0 : totalMs - readyMs, totalMs }
    const exit = end._tag === "Ended" ? accountOfExit(end.exit) : "ended by the host"
    return toResult({ request, place, verdict, plan: run, record, vm, session: run.session, exit, warnings, timings })
  })
