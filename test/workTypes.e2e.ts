// Every built-in work type in one guest, and what its workers report. `npm run table:work-types` writes it to
// docs/work-types.md as well.
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { CgroupDef, executeSteps, HoldSpec, Op, Step, type WorkerReport, type WorkType } from "@ktstr/core"
import { workTypes } from "@ktstr/work-types"
import { beforeAll, describe, expect, inject, it } from "vitest"
import { root } from "./ktstr.ts"
import { runSteps, type ScenarioRun, said, script } from "./scenarioRun.ts"
import { workTypeTable } from "./workTypeTable.ts"

const seconds = 3
/** Under emulation 16 million multiply-adds a request take more than a second. */
const fanOutComputeSeconds = 8
const docs = join(root, "docs/work-types.md")

/** What runs at one time: at most five types, and the heaviest alone. */
const batches: ReadonlyArray<ReadonlyArray<WorkType>> = (() => {
  const light = workTypes.filter((type) => type.name !== "FanOutCompute")
  const count = Math.ceil(light.length / 5)
  return [
    ...Array.from({ length: count }, (_, index) => light.filter((_, at) => at % count === index)),
    workTypes.filter((type) => type.name === "FanOutCompute")
  ]
})()

/** Those whose workers wait, sleep or yield; a role of each at least has wake latencies. */
const blocking = [
  "YieldHeavy",
  "Mixed",
  "IoSyncWrite",
  "IoConvoy",
  "Bursty",
  "PipeIo",
  "FutexPingPong",
  "CacheYield",
  "CachePipe",
  "FutexFanOut",
  "FanOutCompute",
  "Sequence",
  "ForkExit",
  "NiceSweep",
  "AffinityChurn",
  "PolicyChurn",
  "MutexContention"
]

/** Roles that never wait: the messenger of FutexFanOut only wakes. */
const neverWaits = (report: WorkerReport): boolean => report.label === "FutexFanOut" && report.role === 0

describe("every built-in work type", () => {
  let run: ScenarioRun
  const reportsOf = (name: string): ReadonlyArray<WorkerReport> =>
    run.result.cgroups.find((cgroup) => cgroup.name === name)?.workers ?? []

  beforeAll(async () => {
    run = await runSteps({
      topology: "1n2l2c1t",
      durationMs: seconds * 1000,
      kernel: inject("kernel").image,
      // Different kinds of work share four CPUs: each is checked separately below.
      assert: { notStarved: false },
      build: (ctx) =>
        executeSteps(ctx, [
          ...batches.map((batch, index) =>
            Step.withDefs(
              batch.map((type) =>
                CgroupDef.named(type.name).workType(type.name).workers(Math.max(2, type.defaultGroupSize))
              ),
              HoldSpec.Fixed(`${index === batches.length - 1 ? fanOutComputeSeconds : seconds} seconds`)
            )
          ),
          Step.new(
            [Op.SpawnHost(script("say zombies $($B grep -lE '^State:.*Z' /proc/[0-9]*/status | $B wc -l)"))],
            HoldSpec.Fixed("1 seconds")
          )
        ])
    })
    if (process.env.KTSTR_WRITE_TABLE !== undefined) {
      writeFileSync(docs, workTypeTable({ types: workTypes, result: run.result, seconds, fanOutComputeSeconds }))
    }
  })

  it("ran to its end, and left no zombie", () => {
    expect(run.result.details).toEqual([])
    expect(run.result.outcome).toBe("pass")
    expect(said(run)).toEqual(["zombies 0"])
  })

  it.each(workTypes.map((type) => [type.name, type.defaultGroupSize] as const))("%s works", (name, groupSize) => {
    const reports = reportsOf(name)
    expect(reports).toHaveLength(Math.max(2, groupSize))
    for (const report of reports) {
      expect(report.completed).toBe(true)
      expect(report.label).toBe(name)
      expect(report.iterations).toBeGreaterThan(0)
      expect(report.workUnits).toBeGreaterThan(0)
      expect(report.cpuTimeNs).toBeGreaterThan(0)
      expect(report.schedstat.timesRun).toBeGreaterThan(0)
      expect(report.cpusUsed.length).toBeGreaterThan(0)
      if (blocking.includes(name) && !neverWaits(report)) expect(report.wakeLatenciesSeen).toBeGreaterThan(0)
    }
  })

  it("leaves every worker with the nice value, policy and affinity it began with", () => {
    for (const { name } of workTypes) {
      for (const report of reportsOf(name)) {
        expect([name, report.nice, report.policy, report.allowedCpus]).toEqual([name, 0, 0, [0, 1, 2, 3]])
      }
    }
  })

  it("moves AffinityChurn's workers about", () => {
    for (const report of reportsOf("AffinityChurn")) expect(report.migrationCount).toBeGreaterThan(10)
  })

  it("has a row for each in docs/work-types.md", () => {
    const rows = readFileSync(docs, "utf8").split("\n")
    for (const type of workTypes) {
      expect(
        rows.filter((row) => row.startsWith(`| ${type.name} |`) && row.includes("completed")),
        type.name
      ).toHaveLength(1)
      for (const param of type.params) expect(rows.join("\n")).toContain(`| ${type.name} | \`${param.name}\``)
    }
  })
})
