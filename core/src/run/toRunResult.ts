import type { AssertResult } from "../check/index.ts"
import { isKernelScheduler, kernelScheduler } from "../kernel/index.ts"
import type { Vm } from "../machine/index.ts"
import type { PayloadResult } from "../payload/index.ts"
import type { Plan } from "../plan/index.ts"
import { printable } from "../protocol/index.ts"
import { schedulerReport } from "../scheduler/index.ts"
import { describeEnd, type SessionRecord, type SessionResult } from "../session/index.ts"
import type { DeterminismReport } from "./Determinism.ts"
import type { RunDelay } from "./endCauses.ts"
import type { SettledScenario } from "./RunRequest.ts"
import { CgroupResult, RunResult } from "./RunResult.ts"
import type { RunTarget } from "./RunTarget.ts"
import { noScheduling } from "./scheduling.ts"

/** The part of a plan, or of a program's record, that checks and result need. */
type Ran = Pick<Plan, "groups" | "cgroups">

/** Everything known at the end of a run. */
export interface EndedRun {
  readonly request: SettledScenario
  readonly target: RunTarget
  readonly verdict: AssertResult
  readonly plan: Ran | undefined
  readonly payloads: ReadonlyArray<PayloadResult>
  readonly record: SessionRecord
  readonly vm: Vm | undefined
  readonly session: SessionResult | undefined
  readonly exit: string
  readonly determinism: DeterminismReport | null
  /** What the host withheld; undefined: unknown or meaningless. */
  readonly hostDelay: RunDelay | undefined
  readonly warnings: ReadonlyArray<string>
  readonly timings: {
    readonly prepareMs: number
    readonly bootMs: number
    readonly runMs: number
    readonly totalMs: number
  }
}

const consoleLines = 20

/** Returns the last lines of the kernel: if it did not start the agent, its log says more than its console. */
const lastWords = ({ kernelLog }: SessionResult, vm: Vm | undefined): ReadonlyArray<string> =>
  kernelLog.length > 0 ? kernelLog.slice(-consoleLines) : (vm?.consoleTail(consoleLines) ?? [])

/**
 * Returns the name of the scheduler. The guest's kernel knows best which scheduler of its own it has; a host's name stays, because it may be that of
 * a sched_ext scheduler.
 */
const schedulerName = ({ target, record }: EndedRun): string =>
  target.asked !== undefined && isKernelScheduler(target.scheduler) && record.ready !== undefined
    ? kernelScheduler(record.ready.release)
    : target.scheduler

/** Makes the result of a finished run. */
export const toRunResult = (run: EndedRun): RunResult => {
  const { target, plan, record, request, session, verdict, vm } = run
  const { resolved } = target.scheduling ?? noScheduling
  const wentWrong =
    (verdict.outcome === "fail" || verdict.outcome === "inconclusive") &&
    session !== undefined &&
    (describeEnd(session) !== undefined || record.scheduler.failure !== undefined)
  const names = [
    ...new Set([...(plan?.cgroups.map((cgroup) => cgroup.name) ?? []), ...record.reports.map((r) => r.cgroup)])
  ]
  return RunResult.make(
    {
      schemaVersion: 1,
      scenario: request.scenario.name,
      variant: request.variant ?? "",
      outcome: verdict.outcome,
      details: verdict.details.map(printable),
      clock: vm?.clock ?? "emulated",
      backend: vm?.backend ?? "none",
      kernel: {
        release: record.ready?.release ?? "",
        image: target.kernel.image,
        key: target.kernel.key,
        label: target.kernel.label
      },
      topology: { requested: target.topology, guest: record.topology },
      scheduler: schedulerName(run),
      schedulerReport: schedulerReport(resolved, record.scheduler, verdict.outcome !== "pass"),
      determinism: run.determinism,
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
      payloads: run.payloads,
      stimuli: record.stimuli,
      timings: run.timings,
      hostDelayMs: run.hostDelay?.delayMs ?? null,
      hostDelayShare: run.hostDelay === undefined ? null : run.hostDelay.delayMs / run.hostDelay.ofMs,
      warnings: [...run.warnings, ...record.logs].map(printable),
      diagnostics: wentWrong
        ? { stage: session.stage, exit: printable(run.exit), consoleTail: lastWords(session, vm) }
        : null
    },
    { disableValidation: true }
  )
}
