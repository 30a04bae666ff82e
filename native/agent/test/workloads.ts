/** Plans that boot.ts runs, and what their reports must say. */
import assert from "node:assert/strict"
import { Either } from "effect"
import type { AgentEvent, WorkerTelemetry } from "../../../core/src/protocol/AgentEvent.ts"
import { Command, type GuestWorker } from "../../../core/src/protocol/Command.ts"
import { WorkProgram as P, type WorkProgram } from "../../../core/src/work/Program.ts"
import type { GuestOptions, GuestRun } from "./guest.ts"

export const ms = (n: number): number => n * 1e6

export const spawnOf = (
  group: number,
  label: string,
  program: WorkProgram,
  options?: { count?: number; size?: number; cgroup?: string; worker?: Partial<GuestWorker> }
): Command =>
  Command.Spawn({
    group,
    cgroup: options?.cgroup ?? "",
    label,
    groupSize: options?.size ?? 1,
    channels: P.channels(program),
    program: Either.getOrThrow(P.encode(program)),
    workers: Array.from({ length: options?.count ?? 1 }, (_, index) => ({
      index,
      affinity: undefined,
      policy: 0,
      priority: 0,
      nice: 0,
      memPolicy: undefined,
      ...options?.worker
    }))
  })

export const spinWait = P.make({ body: [P.spin(1024)] })
export const all = <T extends AgentEvent["_tag"]>(
  run: GuestRun,
  tag: T
): ReadonlyArray<Extract<AgentEvent, { _tag: T }>> =>
  run.events.filter((event): event is Extract<AgentEvent, { _tag: T }> => event._tag === tag)

const summary = (r: WorkerTelemetry): string =>
  `  ${r.label}/${r.index} cg=${r.cgroup} units=${r.workUnits} iter=${r.iterations} cpu=${(r.cpuTimeNs / 1e6).toFixed(1)}ms wall=${(r.wallTimeNs / 1e6).toFixed(1)}ms ` +
  `cpus=${r.cpusUsed} mig=${r.migrationCount} gap=${(r.maxGapNs / 1e6).toFixed(2)}ms@cpu${r.maxGapCpu} wakes=${r.wakeSeen} ` +
  `sched=${(r.schedCpuTimeNs / 1e6).toFixed(1)}/${(r.schedRunDelayNs / 1e6).toFixed(1)}/${r.schedTimesRun} numa=${JSON.stringify(r.numaPages)} ` +
  `done=${r.completed} exit=${r.exitKind}:${r.exitValue} allowed=${r.allowedCpus} nice=${r.nice} pol=${r.policy}`

const latencySummary = (run: GuestRun): void => {
  for (const l of all(run, "Latencies")) {
    const sorted = [...l.latenciesNs].sort((a, b) => a - b)
    console.log(
      `  latencies ${l.group}/${l.index}: n=${sorted.length} p50=${sorted[sorted.length >> 1]} p99=${sorted[Math.floor(sorted.length * 0.99)]} max=${sorted.at(-1)}`
    )
  }
}

export const show = (run: GuestRun): void => {
  for (const event of run.events) {
    if (event._tag === "Error") console.log(`  ERROR ${event.where}: ${event.message} (${event.errno})`)
    if (event._tag === "Log") console.log(`  LOG ${event.level} ${event.text}`)
    if (event._tag === "Report") console.log(summary(event))
  }
  latencySummary(run)
}

export const good = (run: GuestRun): void => {
  assert.equal(run.error, undefined)
  assert.equal(run.timedOut, false)
  assert.equal(all(run, "Done")[0]?.ok, true)
}

export const workTypes: GuestOptions = {
  plan: [
    Command.Config({
      symbols: ["init_task", "runqueues", "no_such_symbol", "_text"],
      sysctls: [{ name: "kernel.sched_schedstats", value: "1" }]
    }),
    Command.CgroupCreate({ path: "cg_0", controllers: ["cpuset", "cpu"] }),
    Command.CgroupCreate({ path: "cg_1/sub", controllers: ["cpuset", "cpu"] }),
    Command.CgroupWrite({ path: "cg_0", file: "cpuset.cpus", value: "0-1" }),
    spawnOf(1, "SpinWait", spinWait, { count: 2, cgroup: "cg_0" }),
    spawnOf(
      2,
      "PipeIo",
      P.make({
        body: [
          P.spin(1024),
          P.roles([
            [P.pipeWrite(0), P.pipeRead(1)],
            [P.pipeRead(0), P.pipeWrite(1)]
          ])
        ]
      }),
      { count: 2, size: 2 }
    ),
    spawnOf(
      3,
      "FutexPingPong",
      P.make({
        body: [
          P.spin(1024),
          P.roles([
            [P.post(0), P.await(1)],
            [P.await(0), P.post(1)]
          ])
        ]
      }),
      { count: 4, size: 2 }
    ),
    spawnOf(4, "Bursty", P.make({ body: [P.forDuration("5 millis", [P.spin(1024)]), P.sleep("10 millis")] })),
    spawnOf(5, "ForkExit", P.make({ body: [P.forkExit] })),
    spawnOf(6, "IoSyncWrite", P.make({ body: [P.fileWrite(65536), P.fileSync, P.sleep("100 micros")] })),
    spawnOf(
      7,
      "NiceSweep",
      P.make({ body: [P.cycle([-20, -10, 0, 10, 19].map((n) => [P.setNice(n)])), P.spin(512), P.yieldNow] })
    ),
    spawnOf(8, "Yield", P.make({ body: [P.yieldNow] }), { cgroup: "cg_1/sub" }),
    spawnOf(9, "Affinity", P.make({ body: [P.setAffinity("random"), P.spin(1024), P.yieldNow] })),
    spawnOf(
      10,
      "Policy",
      P.make({
        body: [
          P.cycle([[P.setPolicy("Batch")], [P.setPolicy("Idle")], [P.setPolicy("Fifo", 1)], [P.setPolicy("Normal")]]),
          P.spin(1024),
          P.yieldNow
        ]
      })
    ),
    spawnOf(
      11,
      "Fault",
      P.make({
        setup: [P.map(0, 4 << 20, { noHugePages: true })],
        body: [P.touch(0, 256, { random: true }), P.discard(0)]
      })
    ),
    spawnOf(12, "Mutex", P.make({ body: [P.spin(1024), P.lock(0), P.spin(256), P.unlock(0)] }), { count: 4, size: 4 }),
    spawnOf(13, "Cache", P.make({ body: [P.walk(32768, 64), P.matmul(32)] })),
    spawnOf(14, "Read", P.make({ body: [P.fileRead(4096, 4096, { span: 1 << 20, random: true, direct: true })] })),
    spawnOf(15, "FanOut", P.make({ body: [P.roles([[P.spin(1024), P.post(0, 4)], [P.await(0)]])] }), {
      count: 5,
      size: 5
    }),
    Command.StepBegin({ index: 0, count: 1, label: "all" }),
    Command.Start({ groups: Array.from({ length: 15 }, (_, i) => i + 1) }),
    Command.Hold({ ns: ms(1500) }),
    Command.ReadCounters(),
    Command.CgroupMoveGroup({ group: 8, to: "cg_0" }),
    Command.SetAffinity({ group: 12, cpus: [[3]] }),
    Command.Hold({ ns: ms(500) }),
    Command.Mark({ kind: "op", detail: "half" }),
    Command.Stop({ groups: [1, 2, 3] }),
    Command.StepEnd({ index: 0 }),
    Command.Stop({ groups: [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] }),
    Command.CgroupRemove({ path: "cg_1" }),
    Command.End()
  ]
}

export const checkWorkTypes = (run: GuestRun): void => {
  good(run)
  const reports = all(run, "Report")
  assert.equal(reports.length, 27)
  for (const r of reports) {
    assert.ok(r.completed, `${r.label}/${r.index}`)
    assert.ok(r.workUnits > 0 && r.iterations > 0, `${r.label}/${r.index} did nothing`)
  }
  assert.deepEqual(
    reports.filter((r) => r.label === "SpinWait").map((r) => r.allowedCpus),
    [
      [0, 1],
      [0, 1]
    ]
  )
  assert.ok(reports.filter((r) => r.label === "Mutex").every((r) => r.allowedCpus.join() === "3"))
  assert.ok(all(run, "Progress").length >= 6)
  assert.equal(all(run, "Symbols")[0]?.symbols.length, 3)
  assert.ok(all(run, "Symbols")[0]!.kernelCodeStart > 0n)
}
