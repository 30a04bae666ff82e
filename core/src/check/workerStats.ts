import { CgroupStats } from "./AssertResult.ts"
import type { NodeShares } from "./nodeShares.ts"
import type { WorkerReport } from "./WorkerReport.ts"

/** Returns the share of its wall time that a worker was off CPU, in percent; null if it never started. */
export const offCpuPct = (report: WorkerReport): number | null =>
  report.wallTimeNs > 0 ? (100 * report.offCpuNs) / report.wallTimeNs : null

/** Returns work units per second of CPU time; null without CPU time. */
export const workRate = (report: WorkerReport): number | null =>
  report.cpuTimeNs > 0 ? (1e9 * report.workUnits) / report.cpuTimeNs : null

/** Returns iterations per second of wall time; null if the worker never started. */
export const iterationRate = (report: WorkerReport): number | null =>
  report.wallTimeNs > 0 ? (1e9 * report.iterations) / report.wallTimeNs : null

/**
 * Groups the workers by work type; workers of one type should get equal treatment. Leaves out workers that ended early, because they had less time.
 */
export const likeWorkers = (reports: ReadonlyArray<WorkerReport>): ReadonlyArray<ReadonlyArray<WorkerReport>> => {
  const byLabel = new Map<string, Array<WorkerReport>>()
  for (const report of reports) {
    if (!report.completed) continue
    byLabel.set(report.label, [...(byLabel.get(report.label) ?? []), report])
  }
  return [...byLabel.values()]
}

/** The largest off-CPU difference among like workers, with its bounds. */
export interface Spread {
  readonly pct: number
  readonly minPct: number
  readonly maxPct: number
  readonly workers: ReadonlyArray<WorkerReport>
}

/** Returns the largest spread; null if no two workers can be compared. */
export const spreadOf = (reports: ReadonlyArray<WorkerReport>): Spread | null => {
  const spreads = likeWorkers(reports).flatMap((workers): ReadonlyArray<Spread> => {
    const shares = workers.map(offCpuPct).filter((share) => share !== null)
    if (shares.length < 2) return []
    const [minPct, maxPct] = [least(shares)!, greatest(shares)!]
    return [{ pct: maxPct - minPct, minPct, maxPct, workers }]
  })
  return spreads.reduce<Spread | null>(
    (worst, spread) => (worst === null || spread.pct > worst.pct ? spread : worst),
    null
  )
}

/** Returns standard deviation over mean; null for fewer than two values or a mean of 0. */
export const variation = (values: ReadonlyArray<number>): number | null => {
  if (values.length < 2) return null
  const mean = average(values)!
  if (mean === 0) return null
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return Math.sqrt(variance) / mean
}

/** Returns the greatest variation of work rates among like workers; null if nothing can be compared. */
export const throughputCv = (reports: ReadonlyArray<WorkerReport>): number | null =>
  greatest(
    likeWorkers(reports)
      .map((workers) => variation(workers.map(workRate).filter((rate) => rate !== null)))
      .filter((cv) => cv !== null)
  )

/** Wake latencies of several workers as one distribution, in nanoseconds. */
export interface WakeLatencies {
  readonly p50: number
  readonly p99: number
  /** Null for a single sample or a mean of 0. */
  readonly cv: number | null
}

/** Merges the workers' wake latencies; null without samples. If a worker saw more wakeups than it kept, each of its samples counts for several. */
export const wakeLatencies = (reports: ReadonlyArray<WorkerReport>): WakeLatencies | null => {
  const count = reports.reduce((sum, report) => sum + report.wakeLatenciesNs.length, 0)
  if (count === 0) return null
  const values = new Float64Array(count)
  const weights = new Float64Array(count)
  let at = 0
  let weighted = false
  for (const { wakeLatenciesNs, wakeLatenciesSeen } of reports) {
    if (wakeLatenciesNs.length === 0) continue
    const weight = Math.max(1, wakeLatenciesSeen / wakeLatenciesNs.length)
    weighted ||= weight !== 1
    values.set(wakeLatenciesNs, at)
    weights.fill(weight, at, at + wakeLatenciesNs.length)
    at += wakeLatenciesNs.length
  }
  let total = 0
  let sum = 0
  for (let i = 0; i < count; i++) {
    total += weights[i]!
    sum += weights[i]! * values[i]!
  }
  const mean = sum / total
  let squares = 0
  for (let i = 0; i < count; i++) squares += weights[i]! * (values[i]! - mean) ** 2
  const cv = count < 2 || mean === 0 ? null : Math.sqrt(squares / total) / mean
  const quantile = weighted ? weightedQuantile(values, weights, total) : plainQuantile(values)
  return { p50: quantile(0.5), p99: quantile(0.99), cv }
}

type Quantile = (q: number) => number

/** Returns quantiles by nearest rank. */
const plainQuantile = (values: Float64Array): Quantile => {
  const sorted = values.slice().sort()
  return (q) => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!
}

const weightedQuantile = (values: Float64Array, weights: Float64Array, total: number): Quantile => {
  const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => values[a]! - values[b]!)
  return (q) => {
    let below = 0
    for (const i of order) {
      below += weights[i]!
      if (below >= q * total) return values[i]!
    }
    return values[order.at(-1)!]!
  }
}

const average = (values: ReadonlyArray<number>): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length

const greatest = (values: ReadonlyArray<number>): number | null =>
  values.reduce<number | null>((max, value) => (max === null || value > max ? value : max), null)

const least = (values: ReadonlyArray<number>): number | null =>
  values.reduce<number | null>((min, value) => (min === null || value < min ? value : min), null)

/** Computes the statistics of one cgroup from the reports of its workers and the NUMA placement of its memory. */
export const statsOf = (reports: ReadonlyArray<WorkerReport>, onNodes: NodeShares): CgroupStats => {
  const sum = (valueOf: (report: WorkerReport) => number) =>
    reports.reduce((total, report) => total + valueOf(report), 0)
  const shares = reports.map(offCpuPct).filter((share) => share !== null)
  const stuck = reports.reduce<WorkerReport | null>(
    (worst, report) => (worst === null || report.maxGapNs > worst.maxGapNs ? report : worst),
    null
  )
  const delaysUs = reports.map((report) => report.schedstat.runDelayNs / 1000)
  const iterations = sum((report) => report.iterations)
  const migrations = sum((report) => report.migrationCount)
  const wakes = wakeLatencies(reports)
  return CgroupStats.make({
    workers: reports.length,
    cpus: new Set(reports.flatMap((report) => report.cpusUsed)).size,
    avgOffCpuPct: average(shares),
    minOffCpuPct: least(shares),
    maxOffCpuPct: greatest(shares),
    spreadPct: spreadOf(reports)?.pct ?? null,
    maxGapMs: stuck === null ? null : stuck.maxGapNs / 1e6,
    maxGapCpu: stuck === null ? null : stuck.maxGapCpu,
    maxGapAtMs: stuck === null ? null : stuck.maxGapAtNs / 1e6,
    migrations,
    migrationRatio: iterations === 0 ? null : migrations / iterations,
    iterations,
    workUnits: sum((report) => report.workUnits),
    cpuTimeNs: sum((report) => report.cpuTimeNs),
    minIterationRate: least(reports.map(iterationRate).filter((rate) => rate !== null)),
    minWorkRate: least(reports.map(workRate).filter((rate) => rate !== null)),
    throughputCv: throughputCv(reports),
    wakeups: sum((report) => report.wakeLatenciesSeen),
    p50WakeLatencyNs: wakes?.p50 ?? null,
    p99WakeLatencyNs: wakes?.p99 ?? null,
    wakeLatencyCv: wakes?.cv ?? null,
    meanRunDelayUs: average(delaysUs),
    worstRunDelayUs: greatest(delaysUs),
    pageLocality: onNodes.locality.value,
    crossNodeMigrationRatio: onNodes.crossings.value,
    slowTierRatio: onNodes.slowTier.value
  })
}
