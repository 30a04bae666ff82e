// Compares workers' reports with the kernel's figures.
import { Backdrop, CgroupDef, executeStepsWith, HoldSpec, Op, Step } from "@ktstr/core"
import { beforeAll, describe, expect, inject, it } from "vitest"
import { runSteps, type ScenarioRun, said, script } from "./scenarioRun.ts"

/** Reports of workers of a cgroup. */
const reportsOf = (run: ScenarioRun, cgroup: string) =>
  run.result.cgroups.find((found) => found.name === cgroup)?.workers ?? []

const sum = (values: ReadonlyArray<number>): number => values.reduce((total, value) => total + value, 0)

const within = (pct: number, value: number, truth: number): void => {
  expect(Math.abs(value - truth) / truth, `${value} against ${truth}`).toBeLessThanOrEqual(pct / 100)
}

/** `NAME key=value …` lines by name. */
const readings = (run: ScenarioRun): Map<string, Record<string, number>> =>
  new Map(
    said(run).map((line) => {
      const [name = "", ...pairs] = line.trim().split(" ")
      return [
        name,
        Object.fromEntries(pairs.map((pair) => pair.split("=")).map(([key, value]) => [key, Number(value)]))
      ]
    })
  )

describe("telemetry against the kernel", () => {
  let run: ScenarioRun
  let read: Map<string, Record<string, number>>
  const busy = ["spin", "yield", "pipe"]

  beforeAll(async () => {
    // nr_migrations of /proc/PID/sched; the three numbers of /proc/PID/schedstat: time run, run delay, times run.
    const readTasks = `for pid in $($B cat /sys/fs/cgroup/churn/cgroup.procs); do
      set -- $($B cat /proc/$pid/schedstat)
      say pid$pid migrations=$($B grep nr_migrations /proc/$pid/sched | $B tr -dc 0-9) cpu=$1 delay=$2 times=$3
    done`
    const readCpuStat = [...busy, "churn"]
      .map((name) => `say ${name} $($B grep usage_usec /sys/fs/cgroup/${name}/cpu.stat | $B tr ' ' =)`)
      .join("; ")
    run = await runSteps({
      topology: "1n2l2c1t",
      durationMs: 10_000,
      kernel: inject("kernel").image,
      // A frozen worker has a gap, and a script no work.
      assert: { notStarved: false },
      build: (ctx) =>
        executeStepsWith(
          ctx,
          [
            Step.new([], HoldSpec.FULL).named("churn"),
            // While it is frozen, only its stop changes anything.
            Step.new([Op.FreezeCgroup("churn"), Op.SpawnHost(script(readTasks))], HoldSpec.Fixed("1 seconds")),
            Step.withDefs(
              [CgroupDef.named("spin").workers(1), CgroupDef.named("yield").workers(1).workType("YieldHeavy")],
              HoldSpec.FULL
            ).named("work"),
            // Partners wait for each other. Alone they work most of the time, so that what the kernel charges their cgroup before their
            // release and after their stop, some 20 ms each, is little beside it.
            Step.withDefs([CgroupDef.named("pipe").workers(2).workType("PipeIo")], HoldSpec.FULL).named("pipe"),
            Step.new([Op.SpawnHost(script(readCpuStat))], HoldSpec.Fixed("1 seconds"))
          ],
          {},
          // Made here, so that they outlive their workers.
          Backdrop.withDefs([CgroupDef.named("churn").workers(3).workType("AffinityChurn")]).setOps(
            busy.map((name) => Op.AddCgroup(name))
          )
        )
    })
    read = readings(run)
  })

  it("ran to its end", () => {
    expect(run.result.details).toEqual([])
    expect(run.result.outcome).toBe("pass")
  })

  it.each([...busy, "churn"])("CPU time of %s is within 2 %% of its cgroup's cpu.stat", (cgroup) => {
    const reports = reportsOf(run, cgroup)
    const usage = (read.get(cgroup)?.usage_usec ?? 0) * 1000
    expect(usage).toBeGreaterThan(1e9)
    within(2, sum(reports.map((report) => report.cpuTimeNs)), usage)
    within(2, sum(reports.map((report) => report.schedstat.cpuTimeNs)), usage)
  })

  it("migrations of AffinityChurn are within 2 % of nr_migrations", () => {
    const reports = reportsOf(run, "churn")
    expect(reports).toHaveLength(3)
    for (const report of reports) {
      const truth = read.get(`pid${report.tid}`)?.migrations ?? 0
      expect(truth).toBeGreaterThan(200)
      within(2, report.migrationCount, truth)
      expect(report.migrations).toHaveLength(Math.min(1024, report.migrationCount))
    }
  })

  it("schedstat of AffinityChurn is that of /proc/PID/schedstat", () => {
    for (const report of reportsOf(run, "churn")) {
      const truth = read.get(`pid${report.tid}`)
      within(2, report.schedstat.cpuTimeNs, truth?.cpu ?? 0)
      within(2, report.schedstat.runDelayNs, truth?.delay ?? 0)
      within(2, report.schedstat.timesRun, truth?.times ?? 0)
    }
  })
})
