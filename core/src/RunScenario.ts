/**
 * The main job: boot a machine, run a scenario in it, judge what its workers reported.
 *
 * @since 0.1.0
 */
import { FileSystem, type Path } from "@effect/platform"
import type { PlatformError } from "@effect/platform/Error"
import { Clock, Effect } from "effect"
import { Assert } from "./Assert.ts"
import { AssertResult } from "./AssertResult.ts"
import { Checker } from "./Checker.ts"
import { agentCmdline, deadlines, guestMemoryMb } from "./GuestSetup.ts"
import { AgentBinary, type AgentMissing } from "./guest/AgentBinary.ts"
import type { AgentEvent } from "./guest/AgentEvent.ts"
import { Command, encodePlan } from "./guest/Command.ts"
import { describeEnd, describeExit, followGuest, type SessionResult } from "./guest/GuestSession.ts"
import { defaultRing } from "./guest/Ring.ts"
import { SessionRecord } from "./guest/SessionRecord.ts"
import { InitramfsError, packBase, packRun } from "./image/Initramfs.ts"
import { expectFailure } from "./internal/expectFailure.ts"
import type { ResolvedKernel } from "./KernelResolver.ts"
import { Plan, type PlanError } from "./Plan.ts"
import { ownTemporaryPrefix } from "./ProcessMark.ts"
import { RunEvent } from "./RunEvent.ts"
import { CgroupResult, RunResult } from "./RunResult.ts"
import { Scenario } from "./Scenario.ts"
import { ScenarioContext } from "./ScenarioContext.ts"
import { TestTopology } from "./TestTopology.ts"
import type { Topology } from "./Topology.ts"
import { type Vm, Vmm, type VmmError } from "./Vmm.ts"
import type { WorkTypeRef, WorkTypes } from "./WorkType.ts"

/**
 * One run: which scenario, where, on which kernel, judged by what.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunRequest {
  readonly scenario: Scenario
  readonly topology: Topology
  readonly kernel: ResolvedKernel
  /** The scenario's duration, which fractions of holds are of. */
  readonly durationMs: number
  readonly workersPerCgroup: number
  /** MiB; undefined: 2048, raised to what the topology and the initramfs need. */
  readonly memoryMb: number | undefined
  readonly workTypeOverride: WorkTypeRef | undefined
  /** The test's layer, above the clock's default and the scenario's own. */
  readonly assert: Assert
  /** `true`: it must fail; a pattern: it must fail and a detail must match. */
  readonly expectError: boolean | RegExp | undefined
  readonly seed: number
  /** Added to the kernel command line, after ktstr's own. */
  readonly kargs: ReadonlyArray<string>
  /** Files and programs that the guest needs beside the agent, as specs of `resolveInclude`; libraries come along. */
  readonly includes: ReadonlyArray<string>
  /** Milliseconds to the agent's first frame; undefined: a default that grows with the CPUs. */
  readonly bootTimeoutMs: number | undefined
}

/**
 * What can keep a run from starting. Everything from the machine's start on is in the result instead.
 *
 * @since 0.1.0
 * @category errors
 */
export type RunError = VmmError | PlanError | InitramfsError | AgentMissing

/** Everything known when a run is over. */
interface Account {
  readonly request: RunRequest
  readonly verdict: AssertResult
  readonly plan: Plan | undefined
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
  const { plan, record, request, session, verdict, vm } = account
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
        image: request.kernel.image,
        key: request.kernel.key ?? null
      },
      topology: { requested: String(request.topology), guest: record.topology },
      scheduler: "eevdf",
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

/** What ended the run before its plan did comes first, then the guest's own error, then the checks. */
const withCauses = (checked: AssertResult, record: SessionRecord, session: SessionResult): AssertResult => {
  const ended = describeEnd(session)
  const causes = record.errors.map((error) => `${error.where}: ${error.message}`)
  if (ended !== undefined) causes.push(ended)
  if (session.end._tag === "Done" && !session.end.ok && causes.length === 0) {
    causes.push("the agent stopped the plan without saying why")
  }
  if (causes.length === 0) return checked
  const failed = AssertResult.fail(...causes)
  // Without a single report the checks have nothing to say beside the cause.
  return record.reports.length === 0 ? failed : AssertResult.merge(failed, checked)
}

/**
 * Runs a scenario to a verdict. Whatever the guest does ends in a `RunResult`; the effect fails only when no machine could be
 * started. Interrupting it kills the machine and leaves nothing behind.
 *
 * @since 0.1.0
 * @category running
 */
export const runScenario: (
  request: RunRequest,
  onEvent: (event: RunEvent) => Effect.Effect<void>
) => Effect.Effect<RunResult, RunError, Vmm | Checker | WorkTypes | AgentBinary | FileSystem.FileSystem | Path.Path> =
  Effect.fn("RunScenario.run")(function* (request: RunRequest, onEvent: (event: RunEvent) => Effect.Effect<void>) {
    const began = yield* Clock.currentTimeMillis
    yield* onEvent(
      RunEvent.RunStarted({
        scenario: request.scenario.name,
        topology: String(request.topology),
        kernel: request.kernel.version,
        durationS: request.durationMs / 1000
      })
    )
    const result = yield* Effect.scoped(run(request, onEvent, began))
    yield* onEvent(RunEvent.RunFinished({ result }))
    return result
  })

const run = Effect.fnUntraced(function* (
  request: RunRequest,
  onEvent: (event: RunEvent) => Effect.Effect<void>,
  began: number
) {
  const record = new SessionRecord()
  const sinceStart = Effect.map(Clock.currentTimeMillis, (now) => now - began)
  const topo = TestTopology.fromTopology(request.topology)
  const unmet = Scenario.unmet(request.scenario, topo)
  if (unmet !== undefined) {
    const timings = { prepareMs: 0, bootMs: 0, runMs: 0, totalMs: yield* sinceStart }
    const verdict = AssertResult.skip(unmet)
    const none = { plan: undefined, vm: undefined, session: undefined, exit: "not started", warnings: [] }
    return toResult({ request, verdict, record, timings, ...none })
  }
  const plan = yield* Plan.compile(request.scenario, ScenarioContext.make({ ...request, topo }))
  const warnings = [...plan.warnings]
  const warn = (text: string) =>
    Effect.suspend(() => {
      warnings.push(text)
      return onEvent(RunEvent.Warning({ text }))
    })
  yield* Effect.forEach(plan.warnings, (text) => onEvent(RunEvent.Warning({ text })), { discard: true })
  const limits = deadlines({ plan, topology: request.topology, bootMs: request.bootTimeoutMs })
  const initramfs = yield* packInitramfs(plan, [...new Set([...request.includes, ...plan.includes])], warn)
  const vm = yield* (yield* Vmm).boot({
    kernel: { image: request.kernel.image, vmlinux: request.kernel.vmlinux },
    initramfs: initramfs.files,
    cmdline: [...agentCmdline({ mode: "plan", deadlineMs: limits.guestMs }), ...request.kargs],
    topology: request.topology,
    memoryMb: guestMemoryMb({ topology: request.topology, asked: request.memoryMb, initramfsBytes: initramfs.bytes }),
    ring: defaultRing,
    clock: "auto"
  })
  const prepareMs = yield* sinceStart
  yield* onEvent(RunEvent.Booting({ backend: vm.backend, clock: vm.clock }))
  let readyMs = 0
  const session = yield* followGuest(vm, {
    ring: defaultRing,
    bootTimeoutMs: limits.bootMs,
    planTimeoutMs: limits.planMs,
    onEvent: (event) =>
      Effect.flatMap(sinceStart, (now) => {
        if (event._tag === "Ready") readyMs = now
        const told = toRunEvent(event, record, () => readyMs - prepareMs)
        return told === undefined ? Effect.void : onEvent(told)
      })
  })
  const assert = Assert.merge(Assert.forClock(vm.clock), plan.assert, request.assert)
  const checked = yield* (yield* Checker).judge({ assert, plan, reports: record.reports })
  const verdict = expectFailure(withCauses(checked, record, session), request.expectError)
  const totalMs = yield* sinceStart
  const timings = { prepareMs, bootMs: session.bootMs ?? 0, runMs: readyMs === 0 ? 0 : totalMs - readyMs, totalMs }
  const exit = session.end._tag === "Ended" ? describeExit(session.end.exit) : "ended by the host"
  return toResult({ request, verdict, plan, record, vm, session, exit, warnings, timings })
})

const packInitramfs = Effect.fnUntraced(function* (
  plan: Plan,
  includes: ReadonlyArray<string>,
  warn: (text: string) => Effect.Effect<void>
) {
  const fs = yield* FileSystem.FileSystem
  const agent = yield* Effect.flatMap(AgentBinary, (binary) => binary.path)
  const prefix = yield* ownTemporaryPrefix()
  const scratch = yield* Effect.mapError(fs.makeTempDirectoryScoped({ prefix }), noScratch)
  const config = Command.Config({ symbols: [], sysctls: [] })
  const base = yield* packBase({ agent, includes, scratch })
  yield* Effect.forEach(base.warnings, warn, { discard: true })
  const files = [base.path, yield* packRun({ plan: encodePlan([config, ...plan.commands]), scratch })]
  const sizes = yield* Effect.mapError(
    Effect.forEach(files, (file) => fs.stat(file)),
    noScratch
  )
  return { files, bytes: sizes.reduce((sum, { size }) => sum + Number(size), 0) }
})

const noScratch = (cause: PlatformError): InitramfsError =>
  new InitramfsError({ message: `can't write to the temporary directory (TMPDIR): ${cause.message}`, cause })
