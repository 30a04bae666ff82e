/**
 * Judges what the workers of a run reported.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer } from "effect"
import type { Assert } from "./Assert.ts"
import { AssertResult, type CgroupStats, TotalStats } from "./AssertResult.ts"
import type { PlannedGroup } from "./Expected.ts"
import { type CheckedCgroup, checkWorkers } from "./internal/workerChecks.ts"
import { statsOf } from "./internal/workerStats.ts"
import type { WorkerReport } from "./WorkerReport.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface JudgeInput {
  /** All layers merged. */
  readonly assert: Assert
  /** What was to run, and where it was allowed to. */
  readonly plan: { readonly groups: ReadonlyArray<PlannedGroup> }
  /** With their wake latencies. */
  readonly reports: ReadonlyArray<WorkerReport>
  /** Judged one by one already, by their own checks. Default: none. */
  readonly payloads?: ReadonlyArray<Pick<AssertResult, "outcome" | "details">> | undefined
}

/**
 * The verdict on a run's workers and payloads. A worker that sent no report or did not run to the end fails the run whatever the checks.
 *
 * @since 0.1.0
 * @category judging
 */
export const judge = ({ assert, payloads = [], plan, reports }: JudgeInput): AssertResult => {
  const external = AssertResult.mergeAll(payloads.map(({ details, outcome }) => AssertResult.of(outcome, details)))
  const names = new Set([...plan.groups.map((group) => group.cgroup), ...reports.map((report) => report.cgroup)])
  if (names.size === 0) {
    return payloads.length > 0
      ? external
      : AssertResult.inconclusive("the scenario has neither workers nor payloads, so there is nothing to judge")
  }
  const cgroups = [...names].map((name): CheckedCgroup => {
    const own = reports.filter((report) => report.cgroup === name)
    return { name, groups: plan.groups.filter((group) => group.cgroup === name), reports: own, stats: statsOf(own) }
  })
  const findings = checkWorkers(cgroups, assert)
  const failures = findings.filter((finding) => finding.outcome === "fail")
  const open = findings.filter((finding) => finding.outcome === "inconclusive")
  const stats: Record<string, CgroupStats> = {}
  for (const cgroup of cgroups) stats[cgroup.name] = cgroup.stats
  const internal = AssertResult.make({
    outcome: failures.length > 0 ? "fail" : open.length > 0 ? "inconclusive" : "pass",
    details: [...failures, ...open].map((finding) => finding.detail),
    cgroups: stats,
    totals: cgroups.reduce((sum, cgroup) => TotalStats.merge(sum, TotalStats.ofCgroup(cgroup.stats)), TotalStats.empty)
  })
  return payloads.length === 0 ? internal : AssertResult.merge(internal, external)
}

/**
 * Judges runs.
 *
 * @since 0.1.0
 * @category services
 */
export class Checker extends Context.Tag("@ktstr/core/Checker")<
  Checker,
  {
    /** Never fails: what can't be judged is inconclusive. */
    readonly judge: (input: JudgeInput) => Effect.Effect<AssertResult>
  }
>() {}

/**
 * The checks of the workers.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerChecker: Layer.Layer<Checker> = Layer.succeed(Checker, {
  judge: Effect.fn("Checker.judge")((input: JudgeInput) => Effect.sync(() => judge(input)))
})
