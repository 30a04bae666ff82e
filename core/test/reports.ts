// Workers' reports and planned groups, flawless by default.

import type { PlannedGroup } from "../src/check/Expected.ts"
import { WorkerReport } from "../src/check/WorkerReport.ts"
import { CpuSet } from "../src/topology/CpuSet.ts"

export const ms = 1e6

export interface ReportOptions extends Partial<Omit<WorkerReport, "offCpuNs" | "maxGapMs">> {
  /** Share of the wall time on CPU. */
  readonly busy?: number
}

/** A worker that ran 10 s without a flaw. */
export const report = ({ busy = 0.5, ...options }: ReportOptions = {}): WorkerReport => {
  const wallTimeNs = options.wallTimeNs ?? 10_000 * ms
  const cpuTimeNs = options.cpuTimeNs ?? busy * wallTimeNs
  const maxGapNs = options.maxGapNs ?? 4 * ms
  return WorkerReport.make({
    group: 0,
    index: 0,
    cgroup: "cg_0",
    label: "SpinWait",
    role: 0,
    tid: 100,
    workUnits: 1_024_000,
    iterations: 1000,
    startTimeNs: 0,
    cpusUsed: [0],
    migrationCount: 0,
    migrations: [],
    maxGapCpu: 0,
    maxGapAtNs: 0,
    wakeLatenciesNs: [],
    wakeLatenciesSeen: 0,
    schedstat: { cpuTimeNs, runDelayNs: 0, timesRun: 1 },
    numaPages: [],
    numaPagesMigrated: 0,
    completed: true,
    exitInfo: null,
    allowedCpus: [0, 1, 2, 3],
    nice: 0,
    policy: 0,
    ...options,
    wallTimeNs,
    cpuTimeNs,
    offCpuNs: wallTimeNs - cpuTimeNs,
    maxGapNs,
    maxGapMs: maxGapNs / ms
  })
}

export const group = (options: Partial<PlannedGroup> = {}): PlannedGroup => {
  const workers = options.workers ?? 1
  return {
    group: 0,
    cgroup: "cg_0",
    workType: "SpinWait",
    workers,
    groupSize: 1,
    blocks: false,
    step: 0,
    cpusets: [{ command: 0, step: 0, cpus: CpuSet.range(0, 4) }],
    allowedCpus: Array.from({ length: workers }, () => CpuSet.range(0, 4)),
    ...options
  }
}
