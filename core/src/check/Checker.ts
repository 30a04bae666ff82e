/**
 * Judges a run by the reports of its workers.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer } from "effect"
import { ClockMode } from "../machine/index.ts"
import type { TestTopology } from "../topology/index.ts"
import { Assert } from "./Assert.ts"
import { AssertResult, type CgroupStats, TotalStats } from "./AssertResult.ts"
import type { CheckedCgroup } from "./CheckedCgroup.ts"
import { Checks } from "./Checks.ts"
import type { PlannedGroup } from "./Expected.ts"
import type { HostTime } from "./HostTime.ts"
import { nodeShares } from "./nodeShares.ts"
import type { WorkerReport } from "./WorkerReport.ts"
import { checkWorkers, type Finding, unjudged } from "./workerChecks.ts"
import { statsOf } from "./workerStats.ts"

/**
 * What {@link judge} needs to know about a run.
 *
 * @since 0.1.0
 * @category models
 */
export interface JudgeInput {
  /** All layers merged. */
  readonly assert: Assert
  /** Which layer above the default set which check, from `Assert.settle`. Default: every active check whose value differs from all default layers. */
  readonly setBy?: ReadonlyMap<keyof Assert, string> | undefined
  /** The machine's CPUs and NUMA nodes. Default: unknown, which makes the checks that need them inconclusive. */
  readonly topology?: TestTopology | undefined
  /** The planned workers and where they were allowed to run. */
  readonly plan: { readonly groups: ReadonlyArray<PlannedGroup> }
  /** Reports of the workers, including their wake latencies. */
  readonly reports: ReadonlyArray<WorkerReport>
  /** Payload results, which their own checks have already judged. Default: none. */
  readonly payloads?: ReadonlyArray<Pick<AssertResult, "outcome" | "details">> | undefined
  /**
   * How long the host kept the machine waiting. If a check that depends on host time fails while the host withheld more than `negligibleShare` of it,
   * the check is inconclusive, unless it also fails without that time. Default: unknown, so every failure counts.
   */
  readonly host?: HostTime | undefined
  /** Whether something other than a failure ended the run early; workers without a report then do not count as lost. Default false. */
  readonly cutShort?: boolean | undefined
}

/** Returns the checks whose values differ from all default layers. */
const foreign = (assert: Assert): ReadonlyMap<keyof Assert, string> => {
  const defaults = ClockMode.literals.map(Assert.forClock)
  const asked = Checks.all.filter(({ name }) => {
    const value = assert[name]
    return value !== undefined && value !== false && !defaults.some((base) => base[name] === value)
  })
  return new Map(asked.map(({ name }) => [name, "the caller"]))
}

/** Combines findings into a verdict, failures first. */
export const verdictOf = (findings: ReadonlyArray<Finding>): AssertResult => {
  const withOutcome = (outcome: Finding["outcome"]) => findings.filter((finding) => finding.outcome === outcome)
  const [failures, open] = [withOutcome("fail"), withOutcome("inconclusive")]
  const outcome = failures.length > 0 ? "fail" : open.length > 0 ? "inconclusive" : "pass"
  const verdict = AssertResult.of(
    outcome,
    [...failures, ...open].map(({ detail }) => detail)
  )
  return outcome === "fail"
    ? AssertResult.make({ ...verdict, failures: failures.map(({ claim, detail }) => claim ?? detail) })
    : verdict
}

/**
 * Judges a run's workers and payloads. A worker that sent no report or did not run to the end fails the run, whatever the checks say.
 *
 * @since 0.1.0
 * @category judging
 */
export const judge = (input: JudgeInput): AssertResult => {
  const { assert, cutShort, host, payloads = [], plan, reports, setBy = foreign(assert), topology } = input
  const external = AssertResult.mergeAll(payloads.map(({ details, outcome }) => AssertResult.of(outcome, details)))
  const names = new Set([...plan.groups.map((group) => group.cgroup), ...reports.map((report) => report.cgroup)])
  const nobody = unjudged(setBy, assert)
  if (names.size === 0) {
    return payloads.length > 0
      ? AssertResult.merge(external, verdictOf(nobody))
      : AssertResult.inconclusive("the scenario has neither workers nor payloads, so there is nothing to judge")
  }
  const cgroups = [...names].map((name): CheckedCgroup => {
    const own = reports.filter((report) => report.cgroup === name)
    const groups = plan.groups.filter((group) => group.cgroup === name)
    const shares = nodeShares(topology, groups, own)
    return { name, groups, reports: own, stats: statsOf(own, shares), shares, host, cutShort }
  })
  const { details, failures, outcome } = verdictOf([...checkWorkers(cgroups, assert, topology), ...nobody])
  const stats: Record<string, CgroupStats> = {}
  for (const cgroup of cgroups) stats[cgroup.name] = cgroup.stats
  const internal = AssertResult.make({
    outcome,
    details,
    failures,
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
    /** Judges a run. Never fails: what can't be judged is inconclusive. */
    readonly judge: (input: JudgeInput) => Effect.Effect<AssertResult>
  }
>() {}

/**
 * Judges with {@link judge}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerChecker: Layer.Layer<Checker> = Layer.succeed(Checker, {
  judge: Effect.fn("Checker.judge")((input: JudgeInput) => Effect.sync(() => judge(input)))
})
