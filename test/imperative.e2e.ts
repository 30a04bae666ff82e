// Imperative scenarios: programs over the live channel, in a machine.
import { join } from "node:path"
import {
  Affinity,
  type Assert,
  CgroupDef,
  CgroupManager,
  CpusetSpec,
  executeProgram,
  type RunResult,
  type ScenarioContext,
  type ScenarioProgram,
  type ScenarioServices,
  WorkloadEngine
} from "@ktstr/core"
import { Effect } from "effect"
import { describe, expect, inject, it } from "vitest"
import { ktstr, leftovers, none, root, start } from "./ktstr.ts"
import { runSteps } from "./scenarioRun.ts"

const run = async (
  build: (ctx: ScenarioContext) => ScenarioProgram,
  options: { readonly topology?: string; readonly assert?: Assert } = {}
): Promise<RunResult> => {
  const { result } = await runSteps({
    topology: options.topology ?? "1n1l2c1t",
    durationMs: 1000,
    kernel: inject("kernel").image,
    memoryMb: 512,
    hostTime: true,
    build,
    ...(options.assert === undefined ? {} : { assert: options.assert })
  })
  return result
}

const program =
  (body: Effect.Effect<unknown, unknown, ScenarioServices>, limit?: string) =>
  (ctx: ScenarioContext): ScenarioProgram =>
    executeProgram(ctx, body, limit === undefined ? {} : { limit: limit as "2 seconds" })

describe("an imperative scenario", () => {
  it("does all that the services offer, and its workers are judged where they were allowed to be", async () => {
    const seen: Record<string, unknown> = {}
    const body = Effect.gen(function* () {
      const cgroups = yield* CgroupManager
      const engine = yield* WorkloadEngine
      const defs = [0, 1].map((llc) => CgroupDef.named(`llc_${llc}`).withCpuset(CpusetSpec.Llc(llc)).workers(2))
      yield* cgroups.setupCgroups(defs)
      yield* cgroups.create("a/b")
      const groups = yield* engine.spawnDefs(defs)
      const nested = yield* engine.spawn("a/b", { workers: 1 })
      yield* engine.start([...groups, nested])
      yield* engine.hold("300 millis")
      seen.counters = yield* engine.counters
      seen.cpuset = (yield* cgroups.read("llc_1", "cpuset.cpus.effective")).trim()
      seen.usage = yield* cgroups.read("a/b", "cpu.stat")
      yield* cgroups.write("a/b", "cpu.weight", "50")
      seen.weight = (yield* cgroups.read("a/b", "cpu.weight")).trim()
      yield* engine.setAffinity(groups[1]!, Affinity.SingleCpu)
      yield* engine.hold("200 millis")
      // Frozen workers are thawed for their end.
      yield* cgroups.write("a/b", "cgroup.freeze", "1")
      seen.reports = (yield* engine.stopAndCollect([nested])).length
      yield* cgroups.moveTasks("llc_0", "a")
      yield* engine.hold("200 millis")
      yield* cgroups.remove("a/b")
      seen.again = (yield* engine.stopAndCollect([nested])).length
    })
    const result = await run(program(body), {
      topology: "1n2l2c1t",
      assert: { isolation: true, maxSpreadPct: false, maxGapMs: 20_000 }
    })
    expect(result.details).toEqual([])
    expect(result.outcome).toBe("pass")
    expect(seen).toMatchObject({ cpuset: "2-3", weight: "50", reports: 1, again: 1 })
    expect(seen.counters).toHaveLength(5)
    for (const counter of seen.counters as Array<{ iterations: number }>) expect(counter.iterations).toBeGreaterThan(0)
    expect(Number(/usage_usec (\d+)/.exec(String(seen.usage))?.[1])).toBeGreaterThan(1000)
    expect(result.cgroups.map(({ name, workers }) => [name, workers.length])).toEqual([
      ["llc_0", 2],
      ["llc_1", 2],
      ["a/b", 1]
    ])
    // SingleCpu within the LLC's cpuset.
    expect(result.cgroups[1]?.workers.map(({ allowedCpus }) => allowedCpus)).toEqual([[2], [3]])
    for (const { workers } of result.cgroups) for (const worker of workers) expect(worker.completed).toBe(true)
    const kinds = result.stimuli.map(({ kind }) => kind)
    for (const kind of [
      "AddCgroup",
      "SetCpuset",
      "Spawn",
      "SetAffinity",
      "Write",
      "Stop",
      "MoveAllTasks",
      "RemoveCgroup"
    ]) {
      expect(kinds).toContain(kind)
    }
    const times = result.stimuli.map(({ timeNs }) => timeNs)
    expect(times).toEqual([...times].sort((a, b) => a - b))
  })

  it("is failed by its own error, and what it left running is reported", async () => {
    const body = Effect.gen(function* () {
      const engine = yield* WorkloadEngine
      yield* (yield* CgroupManager).create("cg_0")
      const group = yield* engine.spawn("cg_0", { workers: 2 })
      yield* engine.start([group])
      yield* engine.hold("200 millis")
      return yield* Effect.fail(new Error("the queue never drained"))
    })
    const result = await run(program(body))
    expect(result.outcome).toBe("fail")
    expect(result.details[0]).toBe("the scenario failed: Error: the queue never drained")
    expect(result.cgroups[0]?.workers.map(({ completed }) => completed)).toEqual([true, true])
  })

  it("is failed by a defect, by a cgroup that was never created, and by values that can't be", async () => {
    const messages: Array<string> = []
    const message = (effect: Effect.Effect<unknown, { readonly message: string }, ScenarioServices>) =>
      Effect.match(effect, {
        onFailure: (error) => messages.push(error.message),
        onSuccess: () => messages.push("fine")
      })
    const body = Effect.gen(function* () {
      const cgroups = yield* CgroupManager
      const engine = yield* WorkloadEngine
      yield* cgroups.create("cg_0")
      yield* message(engine.spawn("gc_0", {}))
      yield* message(cgroups.moveTasks("cg_0", "gc_0"))
      yield* message(cgroups.setCpuset("gc_0", CpusetSpec.Llc(0)))
      yield* message(cgroups.setCpuset("cg_0", CpusetSpec.Llc(7)))
      yield* message(cgroups.write("cg_0", "cpuset.cpus", "99"))
      yield* message(cgroups.read("cg_0", "cpu.nonesuch"))
      yield* message(cgroups.create("../up"))
      yield* message(engine.spawn("cg_0", { workers: 0 }))
      const undefinedValue: { readonly field?: { readonly deeper: string } } = {}
      return yield* Effect.sync(() => undefinedValue.field!.deeper)
    })
    const result = await run(program(body))
    expect(result.outcome).toBe("fail")
    expect(result.details[0]).toMatch(/^the scenario's program died: TypeError: Cannot read properties of undefined/)
    expect(messages).toEqual([
      "No such file or directory: /sys/fs/cgroup/gc_0/cgroup.procs",
      "No such file or directory: /sys/fs/cgroup/gc_0/cgroup.procs",
      'No such file or directory: /sys/fs/cgroup/gc_0/cpuset.cpus: "0-1"',
      "cgroup 'cg_0': CpusetSpec validation failed: LLC index 7 >= LLC count 1",
      'Numerical result out of range: /sys/fs/cgroup/cg_0/cpuset.cpus: "99"',
      "No such file or directory: /sys/fs/cgroup/cg_0/cpu.nonesuch",
      "cgroup name '../up': '..' is no name; write a name such as cg_0, or a/b for a nested one",
      expect.stringContaining("at least 1")
    ])
  })

  it("that never ends is interrupted at its limit, its finalizers run, and its workers are reported", async () => {
    let finalized = false
    const body = Effect.gen(function* () {
      const engine = yield* WorkloadEngine
      yield* (yield* CgroupManager).create("cg_0")
      yield* engine.start([yield* engine.spawn("cg_0", { workers: 1 })])
      return yield* Effect.never
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          finalized = true
        })
      )
    )
    const result = await run(program(body, "1 second"))
    expect(result.outcome).toBe("fail")
    expect(result.details[0]).toBe("the scenario's program did not end within 1 s and was interrupted")
    expect(finalized).toBe(true)
    expect(result.cgroups[0]?.workers).toHaveLength(1)
  })

  it("is run by its name like any other", async () => {
    const where = ["--topology", "1n1l2c1t", "--duration", "1", "--max-gap-ms", "20000", "--format", "json"]
    const { code, stdout } = await ktstr(["run", "rebalance", ...where], {
      cwd: join(root, "test/examples/imperative")
    })
    const result = JSON.parse(stdout)
    expect(result).toMatchObject({ scenario: "rebalance", outcome: "pass", details: [] })
    expect(result.stimuli.filter(({ kind }: { kind: string }) => kind === "SetCpuset")).toHaveLength(4)
    expect(code).toBe(0)
    expect(await leftovers()).toEqual(none)
  })

  it("goes with its machine when the command is interrupted", async () => {
    const cwd = join(root, "test/examples/imperative")
    const started = start(["run", "rebalance", "--topology", "1n1l2c1t", "--duration", "1000"], { cwd })
    await started.shows("step 1 of 1")
    started.child.kill("SIGINT")
    const { code, stderr } = await started.ended
    expect(stderr).toMatch(/ktstr: interrupted: rebalance was in step 1 of 1/)
    expect(code).toBe(130)
    expect(await leftovers()).toEqual(none)
  })
})
