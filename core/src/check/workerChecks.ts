import { signalText } from "../base/index.ts"
import { CpuSet, type TestTopology } from "../topology/index.ts"
import type { Assert } from "./Assert.ts"
import type { CheckedCgroup } from "./CheckedCgroup.ts"
import { Checks } from "./Checks.ts"
import { capped, failed, figure, inconclusive, isSet, shown, subject, worker } from "./findings.ts"
import { deadlineShare, type HostTime } from "./HostTime.ts"
import { type Finding, lifetime, lifetimeOf, toFinding, type Withheld, withheldIn } from "./hostExcuse.ts"
import { checkNodes } from "./nodeChecks.ts"
import { stuckPattern } from "./stuckPattern.ts"
import type { WorkerReport } from "./WorkerReport.ts"
import { iterationRate, spreadOf, workRate } from "./workerStats.ts"

export type { Finding }

const howItEnded = (report: WorkerReport): string => {
  switch (report.exitInfo?._tag) {
    case "Signaled":
      return `was killed by signal ${signalText(report.exitInfo.signal)}`
    case "Exited":
      return `exited by itself with code ${report.exitInfo.code}`
    case "TimedOut":
      return "did not answer the stop within 5 s and was killed (SIGKILL)"
    default:
      return "did not run to the end"
  }
}

/** Time that a worker has to react to the stop, in nanoseconds. */
const stopNs = 5e9

/** Returns what the host withheld from a worker that did not react to the stop. Every other early end is not the host's doing. */
const withheldFromStop = (cgroup: CheckedCgroup, report: WorkerReport) => {
  if (report.exitInfo?._tag !== "TimedOut") return undefined
  const [from, to] = lifetime(report)
  const within = [Math.max(from, to - stopNs), to] as const
  return withheldIn(cgroup.host, within, (delayMs) => delayMs * 1e6 < deadlineShare * stopNs)
}

/** Finds workers that sent no report or did not run to the end. */
const lost = (cgroup: CheckedCgroup): ReadonlyArray<Finding> => {
  const early = cgroup.reports
    .filter((report) => !report.completed)
    .map((report) => {
      const ran = `after ${Math.round(report.wallTimeNs / 1e6)}ms`
      return toFinding(
        `${worker(cgroup, report)} (${report.label}, tid ${report.tid}) ${howItEnded(report)} ${ran}`,
        withheldFromStop(cgroup, report)
      )
    })
  const silent = cgroup.groups.flatMap((group) => {
    const got = cgroup.reports.filter((report) => report.group === group.group).length
    const missing = group.workers - got
    return missing <= 0
      ? []
      : [
          {
            outcome: cgroup.cutShort === true ? "inconclusive" : "fail",
            detail: `${subject(cgroup)}: ${missing} of ${group.workers} ${group.workType} workers sent no report`
          } as const
        ]
  })
  return [...capped(cgroup, early), ...silent]
}

/** Milliseconds of machine time in which every work type completes a unit, whatever else runs. */
const enoughForOneMs = 1000

const starved = (cgroup: CheckedCgroup): ReadonlyArray<Finding> =>
  capped(
    cgroup,
    cgroup.reports
      .filter((report) => report.completed && report.workUnits === 0)
      .map((report) => {
        const wall = `in ${Math.round(report.wallTimeNs / 1e6)}ms`
        const wallMs = report.wallTimeNs / 1e6
        return toFinding(
          `${worker(cgroup, report)} (${report.label}, tid ${report.tid}) starved: 0 work units ${wall}`,
          withheldIn(cgroup.host, lifetime(report), (delayMs) => wallMs - delayMs > enoughForOneMs)
        )
      })
  )

/**
 * Returns what the host withheld during a worker's longest gap, and one turn of the emulator. The failure stands if the gap exceeds the threshold
 * even without both.
 */
const withheldFromGap = (host: HostTime | undefined, report: WorkerReport, threshold: number): Withheld | undefined => {
  const end = report.startTimeNs + report.maxGapAtNs
  const turnMs = host?.turnMs ?? 0
  const failsAnyway = (delayMs: number) => report.maxGapMs - delayMs - turnMs > threshold
  const withheld = withheldIn(host, [end - report.maxGapNs, end], failsAnyway)
  return withheld && { ...withheld, turnMs }
}

const stuck = (cgroup: CheckedCgroup, threshold: number): ReadonlyArray<Finding> =>
  capped(
    cgroup,
    cgroup.reports
      .filter((report) => report.maxGapMs > threshold)
      .sort((a, b) => b.maxGapMs - a.maxGapMs)
      .map((report) => {
        const where = `on cpu${report.maxGapCpu} at +${Math.round(report.maxGapAtNs / 1e6)}ms`
        const gap = `stuck ${shown(report.maxGapMs, threshold)}ms ${where} (threshold ${threshold}ms)`
        return toFinding(`${worker(cgroup, report)}: ${gap}`, withheldFromGap(cgroup.host, report, threshold))
      })
  )

const common = (cgroups: ReadonlyArray<CheckedCgroup>, threshold: number): ReadonlyArray<Finding> => {
  const pattern = stuckPattern(cgroups, threshold)
  if (pattern === undefined) return []
  // The line describes all stuck workers. If the host excuses some of them, the pattern is not reliable.
  const excuses = cgroups.flatMap(({ host, reports }) =>
    reports
      .filter((report) => report.maxGapMs > threshold)
      .map((report) => withheldFromGap(host, report, threshold))
      .filter((withheld) => toFinding(pattern, withheld).outcome === "inconclusive")
  )
  return [toFinding(pattern, excuses[0])]
}

const unfair = (cgroup: CheckedCgroup, threshold: number): ReadonlyArray<Finding> => {
  const spread = spreadOf(cgroup.reports)
  if (spread === null || spread.pct <= threshold) return []
  const cpus = new Set(spread.workers.flatMap((report) => report.cpusUsed)).size
  const bounds = `(${Math.round(spread.minPct)}-${Math.round(spread.maxPct)}%)`
  const who = `${spread.workers.length} workers on ${cpus} cpus`
  const sentence = `unfair cgroup: spread=${shown(spread.pct, threshold)}% ${bounds} ${who} (threshold ${threshold}%)`
  const [from, to] = lifetimeOf(spread.workers)
  const wallMs = (to - from) / 1e6
  // In the worst case the whole delay was charged to one of them.
  const failsAnyway = (delayMs: number) => spread.pct - (100 * delayMs) / wallMs > threshold
  return [toFinding(`${subject(cgroup)}: ${sentence}`, withheldIn(cgroup.host, [from, to], failsAnyway))]
}

const escaped = (cgroup: CheckedCgroup): ReadonlyArray<Finding> =>
  capped(
    cgroup,
    cgroup.reports.flatMap((report): ReadonlyArray<Finding> => {
      const allowed = cgroup.groups.find((group) => group.group === report.group)?.allowedCpus[report.index]
      if (allowed === undefined || report.cpusUsed.length === 0) {
        return [inconclusive(`${worker(cgroup, report)}: isolation can't be judged, no CPU it ran on is known`)]
      }
      const outside = CpuSet.from(report.cpusUsed).difference(allowed)
      return outside.isEmpty
        ? []
        : [failed(`${worker(cgroup, report)}: not isolated: ran on cpus ${outside}, allowed are only ${allowed}`)]
    })
  )

/** Reports that isolation was not tested, because every worker was allowed on every CPU. */
const unbroken = (
  cgroups: ReadonlyArray<CheckedCgroup>,
  topology: TestTopology | undefined
): ReadonlyArray<Finding> => {
  const groups = cgroups.flatMap((cgroup) => cgroup.groups)
  const bounds = groups.flatMap(({ allowedCpus, cpusets }) => [...allowedCpus, ...cpusets.map(({ cpus }) => cpus)])
  const free = (cpus: CpuSet) => topology?.allCpus.difference(cpus).isEmpty === true
  return bounds.length > 0 && bounds.every(free)
    ? [inconclusive("isolation can't be judged: every worker may run on every CPU; give a cgroup a cpuset")]
    : []
}

/** Checks a value of the whole cgroup against an upper limit. */
const cgroupAtMost = (
  cgroup: CheckedCgroup,
  what: string,
  value: number | null,
  threshold: number,
  unit: string,
  missing: string,
  withheld?: (value: number) => Withheld | undefined
): ReadonlyArray<Finding> => {
  if (value === null) return [inconclusive(`${subject(cgroup)}: ${what} can't be judged: ${missing}`)]
  if (value <= threshold) return []
  const detail = `${subject(cgroup)}: ${what} ${figure(value)}${unit} (threshold ${figure(threshold)}${unit})`
  return [toFinding(detail, withheld?.(value))]
}

/** Returns what the host withheld from a cgroup's workers over their whole time. */
const withheldFrom = (cgroup: CheckedCgroup, failsAnyway: (delayMs: number, ofMs: number) => boolean) => {
  const [from, to] = lifetimeOf(cgroup.reports)
  return withheldIn(cgroup.host, [from, to], (delayMs) => failsAnyway(delayMs, (to - from) / 1e6))
}

/** Returns what the host withheld from one wake latency: at most the worst interval of its length. */
const withheldFromWake = (cgroup: CheckedCgroup, latencyNs: number, thresholdNs: number): Withheld | undefined => {
  const ofMs = latencyNs / 1e6
  const delayMs = cgroup.host?.worst(ofMs, ...lifetimeOf(cgroup.reports))
  return delayMs === undefined ? undefined : { delayMs, ofMs, failsAnyway: latencyNs - delayMs * 1e6 > thresholdNs }
}

/** Checks a value of every worker against a lower limit. */
const eachAtLeast = (
  cgroup: CheckedCgroup,
  what: string,
  read: (report: WorkerReport) => number | null,
  threshold: number,
  missing: string,
  /** Returns the rate without the withheld time. */
  without: (report: WorkerReport, delayNs: number) => number
): ReadonlyArray<Finding> =>
  capped(
    cgroup,
    cgroup.reports
      .filter((report) => report.completed)
      .flatMap((report): ReadonlyArray<Finding> => {
        const value = read(report)
        const name = worker(cgroup, report)
        if (value === null) return [inconclusive(`${name}: ${what} can't be judged: ${missing}`)]
        return value >= threshold
          ? []
          : [
              toFinding(
                `${name}: ${what} ${figure(value)}/s (threshold ${figure(threshold)}/s)`,
                withheldIn(cgroup.host, lifetime(report), (delayMs) => without(report, delayMs * 1e6) < threshold)
              )
            ]
      })
  )

/** Returns a rate per second; infinite if no time passed, so that it meets any limit. */
const rate = (count: number, ns: number): number => (ns > 0 ? (1e9 * count) / ns : Number.POSITIVE_INFINITY)

/** Checks latency thresholds, for cgroups whose work waits. They do not apply to spinners, which never wake up. */
const latencies = (cgroups: ReadonlyArray<CheckedCgroup>, assert: Assert): ReadonlyArray<Finding> => {
  const { maxP99WakeLatencyNs: p99, maxWakeLatencyCv: cv } = assert
  if (!isSet(p99) && !isSet(cv)) return []
  const waiting = cgroups.filter((cgroup) => cgroup.stats.wakeups > 0 || cgroup.groups.some((group) => group.blocks))
  if (waiting.length === 0) return [inconclusive("wake latency can't be judged: no worker ever waits or yields")]
  const none = "no wake latency was sampled"
  return waiting.flatMap((cgroup) => [
    ...(isSet(p99)
      ? cgroupAtMost(cgroup, "p99 wake latency", cgroup.stats.p99WakeLatencyNs, p99, "ns", none, (latency) =>
          withheldFromWake(cgroup, latency, p99)
        )
      : []),
    ...(isSet(cv)
      ? cgroupAtMost(cgroup, "wake latency cv", cgroup.stats.wakeLatencyCv, cv, "", none, () =>
          withheldFrom(cgroup, () => false)
        )
      : [])
  ])
}

/** Returns a finding for each check that was asked for but that nothing judges: such a run can't pass. */
export const unjudged = (setBy: ReadonlyMap<keyof Assert, string>, assert: Assert): ReadonlyArray<Finding> =>
  [...setBy].flatMap(([name, by]) => {
    const { judge } = Checks.get(name)
    if (judge._tag !== "nobody") return []
    const remedy = `leave it out or set it to false (ktstr list checks shows what is judged)`
    return [
      inconclusive(`${name} ${assert[name]}, set by ${by}, is not judged yet: that takes ${judge.needs}; ${remedy}`)
    ]
  })

/** Applies all merged checks to the workers; the most important findings come first. */
export const checkWorkers = (
  cgroups: ReadonlyArray<CheckedCgroup>,
  assert: Assert,
  topology: TestTopology | undefined
): ReadonlyArray<Finding> => {
  const each = (check: (cgroup: CheckedCgroup) => ReadonlyArray<Finding>) => cgroups.flatMap(check)
  const bounded = (
    threshold: number | false | undefined,
    check: (cgroup: CheckedCgroup, threshold: number) => ReadonlyArray<Finding>
  ) => (isSet(threshold) ? each((cgroup) => check(cgroup, threshold)) : [])
  return [
    ...each(lost),
    ...(assert.notStarved === true ? each(starved) : []),
    ...(isSet(assert.maxGapMs) ? common(cgroups, assert.maxGapMs) : []),
    ...bounded(assert.maxGapMs, stuck),
    ...bounded(assert.maxSpreadPct, unfair),
    ...(assert.isolation === true ? [...each(escaped), ...unbroken(cgroups, topology)] : []),
    ...bounded(assert.minWorkRate, (cgroup, least) =>
      eachAtLeast(cgroup, "work rate", workRate, least, "it had no CPU time", ({ cpuTimeNs, workUnits }, delayNs) =>
        rate(workUnits, cpuTimeNs - delayNs)
      )
    ),
    ...bounded(assert.minIterationRate, (cgroup, least) =>
      eachAtLeast(
        cgroup,
        "iteration rate",
        iterationRate,
        least,
        "it had no time",
        ({ iterations, wallTimeNs }, delayNs) => rate(iterations, wallTimeNs - delayNs)
      )
    ),
    ...bounded(assert.maxThroughputCv, (cgroup, most) => {
      const missing = "no two workers of one work type had CPU time"
      return cgroupAtMost(cgroup, "throughput cv", cgroup.stats.throughputCv, most, "", missing, () =>
        withheldFrom(cgroup, () => false)
      )
    }),
    ...bounded(assert.maxMigrationRatio, (cgroup, most) =>
      cgroupAtMost(
        cgroup,
        "migration ratio",
        cgroup.stats.migrationRatio,
        most,
        "",
        "there was no iteration",
        (ratio) =>
          // Migrations follow the guest's timer, iterations the CPU time that the guest gets.
          withheldFrom(cgroup, (delayMs, ofMs) => ratio * (1 - delayMs / ofMs) > most)
      )
    ),
    ...latencies(cgroups, assert),
    ...checkNodes(cgroups, assert)
  ]
}
