import type { AssertResult } from "../check/index.ts"
import { isKernelScheduler, kernelScheduler } from "../kernel/index.ts"
import type { Vm } from "../machine/index.ts"
import type { PayloadResult } from "../payload/index.ts"
import type { Plan } from "../plan/index.ts"
import { printable } from "../protocol/index.ts"
import { schedulerReport } from "../scheduler/index.ts"
import { describeEnd, type SessionRecord, type SessionResult } from "../session/index.ts"
import type { TestTopology, Topology } from "../topology/index.ts"
import type { Determinism, DeterminismReport, Ingredients } from "./Determinism.ts"
import type { Whole } from "./endCauses.ts"
import type { RunTrace, SettledScenario } from "./RunRequest.ts"
import { CgroupResult, RunResult } from "./RunResult.ts"
import { noScheduling, type Scheduling } from "./scheduling.ts"

/** Where it runs. */
export interface Place {
  readonly topo: TestTopology
  /** As asked for. */
  readonly topology: string
  /** The machine that was asked for, and the words on its kernel's command line; undefined: none was, it is what is there. */
  readonly asked?: { readonly topology: Topology; readonly kargs: ReadonlyArray<string> } | undefined
  /** Why a run there makes no sense: it is skipped. */
  readonly unfit?: string | undefined
  readonly kernel: {
    readonly image: string
    readonly version: string
    readonly key: string | null
    readonly label: string | null
  }
  /** What the result calls the scheduler. */
  readonly scheduler: string
  /** What starts and ends it; undefined: nothing. */
  readonly scheduling?: Scheduling | undefined
  readonly ring: { readonly address: number; readonly size: number } | undefined
  /** Undefined: the guest has the host's time. */
  readonly trace?: RunTrace | undefined
  readonly determinism?: Determinism | undefined
  /** What the machine was made of, once it was started. */
  readonly ingredients?: (() => Ingredients | null) | undefined
  /** Whether files reach the workers only by being packed. */
  readonly packs: boolean
  /** Of the program of the scheduler under test. */
  readonly schedulerSha256?: string | null | undefined
}

/** What the checks and the result ask of a plan or of what a program did. */
type Ran = Pick<Plan, "groups" | "cgroups">

/** Everything known when a run is over. */
export interface Account {
  readonly request: SettledScenario
  readonly place: Place
  readonly verdict: AssertResult
  readonly plan: Ran | undefined
  readonly payloads: ReadonlyArray<PayloadResult>
  readonly record: SessionRecord
  readonly vm: Vm | undefined
  readonly session: SessionResult | undefined
  readonly exit: string
  readonly determinism: DeterminismReport | null
  /** What the host withheld; undefined: not known, or of no meaning. */
  readonly hostDelay: Whole | undefined
  readonly warnings: ReadonlyArray<string>
  readonly timings: {
    readonly prepareMs: number
    readonly bootMs: number
    readonly runMs: number
    readonly totalMs: number
  }
}

const consoleLines = 20

/** Of a kernel that did not come to its agent the log says more than its console. */
const lastWords = ({ kernelLog }: SessionResult, vm: Vm | undefined): ReadonlyArray<string> =>
  kernelLog.length > 0 ? kernelLog.slice(-consoleLines) : (vm?.consoleTail(consoleLines) ?? [])

/** The kernel in the guest knows best what its own scheduler is; a host's name stays, which may be that of a sched_ext one. */
const schedulerName = ({ place, record }: Account): string =>
  place.asked !== undefined && isKernelScheduler(place.scheduler) && record.ready !== undefined
    ? kernelScheduler(record.ready.release)
    : place.scheduler

/** The result of a run that is over. */
export const toResult = (account: Account): RunResult => {
  const { place, plan, record, request, session, verdict, vm } = account
  const { resolved } = place.scheduling ?? noScheduling
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
        image: place.kernel.image,
        key: place.kernel.key,
        label: place.kernel.label
      },
      topology: { requested: place.topology, guest: record.topology },
      scheduler: schedulerName(account),
      schedulerReport: schedulerReport(resolved, record.scheduler, verdict.outcome !== "pass"),
      determinism: account.determinism,
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
      payloads: account.payloads,
      stimuli: record.stimuli,
      timings: account.timings,
      hostDelayMs: account.hostDelay?.delayMs ?? null,
      hostDelayShare: account.hostDelay === undefined ? null : account.hostDelay.delayMs / account.hostDelay.ofMs,
      warnings: [...account.warnings, ...record.logs].map(printable),
      diagnostics: wentWrong
        ? { stage: session.stage, exit: printable(account.exit), consoleTail: lastWords(session, vm) }
        : null
    },
    { disableValidation: true }
  )
}
