import { Effect } from "effect"
import {
  Assert,
  type AssertLayer,
  AssertResult,
  Checker,
  expectFailure,
  type Finding,
  verdictOf
} from "../check/index.ts"
import type { Vm } from "../machine/index.ts"
import type { SessionRecord } from "../session/index.ts"
import { withUnjudged } from "./checkLayers.ts"
import { endCauses } from "./endCauses.ts"
import type { HostAccount } from "./hostFollower.ts"
import { doubted, machineDoubts } from "./machineDoubts.ts"
import { quoteOomKills } from "./oomKills.ts"
import type { PreparedScenario, ScenarioRun } from "./PreparedScenario.ts"
import type { SettledScenario } from "./RunRequest.ts"
import type { RunTarget } from "./RunTarget.ts"
import { noScheduling } from "./scheduling.ts"

/** A finished run, to be judged. */
export interface FinishedRun {
  readonly request: SettledScenario
  readonly target: RunTarget
  readonly prepared: PreparedScenario
  readonly layers: ReadonlyArray<AssertLayer>
  readonly vm: Vm
  readonly record: SessionRecord
  readonly run: ScenarioRun
  readonly delay: HostAccount
}

export interface Judgement {
  readonly verdict: AssertResult
  /** Doubts that don't change the verdict. */
  readonly warnings: ReadonlyArray<string>
}

/** Merges the verdict with the causes that ended the run early. Those come first, then the guest's own errors, then the checks. */
const withCauses = (
  checked: AssertResult,
  causes: ReadonlyArray<Finding>,
  { reports }: SessionRecord,
  { payloads }: ScenarioRun
): AssertResult => {
  if (causes.length === 0) return checked
  const ended = verdictOf(causes)
  // Without a single report, the checks add nothing to the cause.
  const silent = reports.length === 0 && payloads.every(({ end }) => end.kind === "Lost")
  return silent ? ended : AssertResult.merge(ended, checked)
}

/** Judges a finished run: what its workers reported, what ended it, and whether the machine was as requested. */
export const judgeRun = Effect.fnUntraced(function* ({
  delay,
  layers,
  target,
  prepared,
  record,
  request,
  run,
  vm
}: FinishedRun): Effect.fn.Return<Judgement, never, Checker> {
  const { resolved, watchdogMs } = target.scheduling ?? noScheduling
  const settled = Assert.settle(Assert.forClock(vm.clock), layers)
  const causes = endCauses({
    record,
    session: run.session,
    failures: run.failures,
    host: delay.time,
    runDelay: delay.runDelay,
    timeouts: { startTimeoutMs: resolved.scheduler.startTimeoutMs, watchdogMs }
  })
  const checked = yield* (yield* Checker).judge({
    ...settled,
    topology: target.topo,
    plan: run,
    reports: record.reports,
    payloads: run.payloads,
    host: delay.time,
    cutShort: causes.length > 0 && causes.every(({ outcome }) => outcome === "inconclusive")
  })
  const whole = withCauses(checked, causes, record, run)
  const wanted = withUnjudged(expectFailure(whole, request.expectError), settled)
  // Contradictory reports, or reports of workers that were never started, can't support a verdict, not even an expected failure.
  const contradictions = record.contradictions(run.groups)
  const expected = AssertResult.merge(
    wanted,
    contradictions.length > 0 ? AssertResult.inconclusive(...contradictions) : AssertResult.pass
  )
  const doubts = machineDoubts(record, target.asked)
  const hotplug = request.cpuHotplug ?? (request.scenario.cpuHotplug === true || prepared.cpuHotplug)
  const judged = hotplug ? expected : doubted(expected, doubts)
  const details = quoteOomKills(judged.details, vm.consoleTail(Number.POSITIVE_INFINITY))
  const verdict = AssertResult.make({ ...judged, details: [...details] })
  const unknown =
    verdict.outcome === "pass" || delay.unknown === undefined
      ? []
      : [`how long the host kept the machine waiting is unknown, so no failure is put down to it: ${delay.unknown}`]
  return {
    verdict,
    warnings: [
      ...run.payloads.flatMap(({ warnings }) => warnings),
      ...doubts.notes,
      ...(hotplug ? [...doubts.start, ...doubts.later] : []),
      ...unknown
    ]
  }
})
