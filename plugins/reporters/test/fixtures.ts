import { CgroupStats, type ReporterOutput, RunResult, WorkerReport } from "@ktstr/core"
import { TotalStats } from "@ktstr/core/check"
import type { ReporterStream } from "@ktstr/core/report"
import { CgroupResult } from "@ktstr/core/run"
import { Effect } from "effect"

const worker = (index: number): WorkerReport =>
  WorkerReport.make({
    group: 0,
    index,
    cgroup: "cg_0",
    label: "SpinWait",
    role: 0,
    tid: 100 + index,
    workUnits: 1024,
    iterations: 1,
    cpuTimeNs: 4_900_000_000,
    wallTimeNs: 5_000_000_000,
    offCpuNs: 100_000_000,
    startTimeNs: 1,
    cpusUsed: [0, 1],
    migrationCount: 1,
    migrations: [{ from: 0, to: 1, timeNs: 5 }],
    maxGapNs: 8_000_000,
    maxGapMs: 8,
    maxGapCpu: 1,
    maxGapAtNs: 77,
    wakeLatenciesNs: Array.from({ length: 1000 }, (_, i) => i),
    wakeLatenciesSeen: 1000,
    schedstat: { cpuTimeNs: 1, runDelayNs: 2, timesRun: 3 },
    numaPages: [{ node: 0, pages: 12 }],
    numaPagesMigrated: 0,
    completed: true,
    exitInfo: null,
    allowedCpus: [0, 1, 2, 3],
    nice: 0,
    policy: 0
  })

export const stats: CgroupStats = CgroupStats.make({
  workers: 2,
  cpus: 2,
  avgOffCpuPct: 2.04,
  minOffCpuPct: 1.5,
  maxOffCpuPct: 2.6,
  spreadPct: 1.1,
  maxGapMs: 8,
  maxGapCpu: 1,
  maxGapAtMs: 100,
  migrations: 2,
  migrationRatio: 0.1,
  iterations: 1_234_567,
  workUnits: 2048,
  cpuTimeNs: 9_800_000_000,
  minIterationRate: 5,
  minWorkRate: 5,
  throughputCv: 0.01,
  wakeups: 0,
  p50WakeLatencyNs: null,
  p99WakeLatencyNs: null,
  wakeLatencyCv: null,
  meanRunDelayUs: 1,
  worstRunDelayUs: 2
})

export const passed: RunResult = RunResult.make({
  schemaVersion: 1,
  scenario: "steady",
  outcome: "pass",
  details: [],
  clock: "emulated",
  backend: "qemu",
  kernel: { release: "7.3.4-test", image: "/k/bzImage", key: null, label: "kernel_7_3_4_test" },
  topology: { requested: "1n2l2c1t", guest: null },
  scheduler: "",
  durationS: 5,
  cgroups: [
    CgroupResult.make({ name: "cg_0", workType: "SpinWait", cpuset: "", stats, workers: [worker(0), worker(1)] }),
    CgroupResult.make({
      name: "cg_1",
      workType: "PipeIo",
      cpuset: "",
      stats: CgroupStats.make({
        ...stats,
        wakeups: 9,
        p50WakeLatencyNs: 12_500,
        p99WakeLatencyNs: 3_100_000,
        spreadPct: null
      }),
      workers: []
    })
  ],
  totals: TotalStats.ofCgroup(stats),
  stimuli: [],
  timings: { prepareMs: 100, bootMs: 1900, runMs: 5100, totalMs: 7100 },
  warnings: ["cgroup cg_1 was busy, retried"],
  diagnostics: null
})

export const failed: RunResult = RunResult.make({
  ...passed,
  outcome: "fail",
  details: [
    "unfair cgroup: spread=42% (8-50%) 4 workers on 4 cpus (threshold 35%)",
    "stuck 4500ms on cpu2 at +3200ms (threshold 3000ms)"
  ],
  cgroups: [],
  warnings: [],
  diagnostics: { stage: "scenario running", exit: "Panic: not syncing", consoleTail: ["[ 1.0] one", "[ 2.0] two"] }
})

export interface Recording {
  readonly output: ReporterOutput
  readonly out: () => string
  readonly err: () => string
}

/** Streams that keep what is written. */
export const record = (options: Partial<Pick<ReporterStream, "terminal" | "color">> = {}): Recording => {
  const texts = { out: "", err: "" }
  const stream = (name: "out" | "err"): ReporterStream => ({
    write: (text) =>
      Effect.sync(() => {
        texts[name] += text
      }),
    terminal: options.terminal ?? false,
    color: options.color ?? false,
    columns: 80
  })
  return { output: { out: stream("out"), err: stream("err") }, out: () => texts.out, err: () => texts.err }
}
