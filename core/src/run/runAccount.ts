import type { AssertResult } from "../check/index.ts"
import { isKernelScheduler, kernelScheduler } from "../kernel/index.ts"
import type { Vm } from "../machine/index.ts"
import type { PayloadResult } from "../payload/index.ts"
import type { Plan } from "../plan/index.ts"
import { printable } from "../protocol/index.ts"
import { schedulerReport } from "../scheduler/index.ts"
import { describeEnd, type SessionRecord, type SessionResult } from "../session/index.ts"
import type { TestTopology, Topology } from "../topology/index.ts"
import type { Determinism, DeterminismReport } from "./Determinism.ts"
import type { Whole } from "./endCauses.ts"
import type { RunTrace, SettledScenario } from "./RunRequest.ts"
import { CgroupResult, RunResult } from "./RunResult.ts"
import { noScheduling, type Scheduling } from "./scheduling.ts"

/** The place in which a scenario runs, and its kernel, scheduler and clock. */
export interface Place {
  readonly topo: TestTopology
  /** The requested topology. */
  readonly topology: string
  /** The requested machine and the extra words on its kernel command line; undefined on a host, which is used as it is. */
  readonly asked?: { readonly topology: Topology; readonly kargs: ReadonlyArray<string> } | undefined
  /** Why a run makes no sense there; the run is then skipped. */
  readonly unfit?: string | undefined
  readonly kernel: {
    readonly image: string
    readonly version: string
    readonly key: string | null
    readonly label: string | null
  }
  /** Name of the scheduler in the result. */
  readonly scheduler: string
  /** Starts and ends the scheduler under test; undefined: there is none. */
  readonly scheduling?: Scheduling | undefined
  readonly ring: { readonly address: number; readonly size: number } | undefined
  /** Receives the telemetry of a traced run; undefined: not traced. Without `determinism`, the guest runs in host time. */
  readonly trace?: RunTrace | undefined
  readonly determinism?: Determinism | undefined
  /** Whether files reach the workers only if they are packed into an initramfs. */
  readonly packs: boolean
  /** Hash of the program of the scheduler under test. */
  readonly schedulerSha256?: string | null | undefined
}

/** The part of a plan, or of a program's record, that checks and result need. */
type Ran = Pick<Plan, "groups" | "cgroups">

/** Everything known at the end of a run. */
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
  /** What the host withheld; undefined: unknown or meaningless. */
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

/** Returns the last lines of the kernel: if it did not start the agent, its log says more than its console. */
const lastWords = ({ kernelLog }: SessionResult, vm: Vm | undefined): ReadonlyArray<string> =>
  kernelLog.length > 0 ? kernelLog.slice(-consoleLines) : (vm?.consoleTail(consoleLines) ?? [])

/**
 * Returns the name of the scheduler. The guest's kernel knows best which scheduler of its own it has; a host's name stays, because it may be that of
 * a sched_ext scheduler.
 */
const schedulerName = ({ place, record }: Account): string =>
  place.asked !== undefined && isKernelScheduler(place.scheduler) && record.ready !== undefined
    ? kernelScheduler(record.ready.release)
    : place.scheduler

/** Makes the result of a finished run. */
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
