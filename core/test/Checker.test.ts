import { describe, expect, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Assert } from "../src/check/Assert.ts"
import { AssertResult, type CgroupStats, TotalStats } from "../src/check/AssertResult.ts"
import { Checker, judge, layerChecker } from "../src/check/Checker.ts"
import { expectFailure } from "../src/check/expectFailure.ts"
import { CpuSet } from "../src/topology/CpuSet.ts"
import { group, ms, type ReportOptions as Options, report } from "./reports.ts"

/** Judges the reports of one group. */
const one = (assert: Assert, ...options: ReadonlyArray<Options>): AssertResult =>
  judge({
    assert,
    plan: { groups: [group({ workers: options.length })] },
    reports: options.map((option, index) => report({ index, ...option }))
  })

describe("judge", () => {
  it("passes what is right, with numbers", () => {
    const result = one(Assert.standard, { busy: 0.5, cpusUsed: [0, 1], migrationCount: 3 }, { busy: 0.45 })
    expect(result.outcome).toBe("pass")
    expect(result.details).toEqual([])
    expect(result.cgroups.cg_0).toMatchObject({
      workers: 2,
      cpus: 2,
      minOffCpuPct: 50,
      maxOffCpuPct: 55,
      spreadPct: 5,
      maxGapMs: 4,
      migrations: 3,
      migrationRatio: 0.0015,
      iterations: 2000,
      cpuTimeNs: 9.5e9,
      minIterationRate: 100
    })
    expect(result.totals).toMatchObject({ cgroups: 1, workers: 2, migrations: 3, worstSpreadPct: 5, worstGapMs: 4 })
  })

  it("words a gap as the seed does, the worst first", () => {
    const stuck = { maxGapNs: 4500 * ms, maxGapCpu: 2, maxGapAtNs: 3200 * ms, cpusUsed: [1, 2] }
    const result = one({ ...Assert.standard, maxGapMs: 3000 }, {}, { ...stuck, maxGapNs: 3001 * ms }, stuck)
    expect(result.outcome).toBe("fail")
    expect(result.details).toEqual([
      "cgroup 'cg_0' worker 2: stuck 4500ms on cpu2 at +3200ms (threshold 3000ms)",
      "cgroup 'cg_0' worker 1: stuck 3001ms on cpu2 at +3200ms (threshold 3000ms)"
    ])
    expect(result.totals.worstGapCpu).toBe(2)
  })

  it("says what workers that were stuck have in common: all of them at once", () => {
    const assert = { ...Assert.standard, maxGapMs: 200 }
    const paused = (endMs: number, gapMs: number): Options => ({
      maxGapAtNs: endMs * ms,
      maxGapNs: gapMs * ms,
      cpusUsed: [0, 1]
    })
    const { details } = one(assert, paused(3450, 460), { ...paused(3455, 455), maxGapCpu: 1 })
    expect(details[0]).toBe("all 2 workers were stuck at once for 450ms at +3450ms (threshold 200ms)")
    expect(details).toHaveLength(3)
    // At other times, or not all of them: each for itself.
    expect(one(assert, paused(3450, 460), paused(1455, 455)).details).toHaveLength(2)
    expect(one(assert, paused(3450, 460), paused(3450, 100)).details).toHaveLength(1)
    expect(one(assert, paused(3450, 460)).details).toHaveLength(1)
  })

  it("says what workers that were stuck have in common: one CPU of several", () => {
    const assert = { ...Assert.standard, maxGapMs: 150 }
    const shared = (index: number): Options => ({ maxGapAtNs: index * 400 * ms, maxGapNs: 300 * ms, cpusUsed: [1] })
    expect(one(assert, shared(1), shared(2), shared(3)).details[0]).toBe(
      "3 workers ran on cpu1 only, allowed were 0-3: each was stuck for longer than 150ms"
    )
    expect(one(assert, shared(1), { ...shared(2), cpusUsed: [1, 2] }).details).toHaveLength(2)
    // They got next to nothing, wherever that was.
    expect(one(assert, { ...shared(1), busy: 0.01 }, { ...shared(2), busy: 0.01 }).details[0]).toMatch(/^cgroup 'cg_0'/)
  })

  it("words an unfair cgroup as the seed does", () => {
    const result = one(
      { ...Assert.standard, maxSpreadPct: 35 },
      { busy: 0.92, cpusUsed: [0] },
      { busy: 0.5, cpusUsed: [1] },
      { busy: 0.7, cpusUsed: [2] },
      { busy: 0.8, cpusUsed: [3] }
    )
    expect(result.details).toEqual([
      "cgroup 'cg_0': unfair cgroup: spread=42% (8-50%) 4 workers on 4 cpus (threshold 35%)"
    ])
  })

  it("never shows a violated threshold as kept", () => {
    const result = one(Assert.standard, { busy: 0.5 }, { busy: 0.3497 })
    expect(result.details[0]).toContain("spread=15.03% (50-65%) 2 workers on 1 cpus (threshold 15%)")
    const gap = one(Assert.standard, { maxGapNs: 2000.4 * ms })
    expect(gap.details[0]).toContain("stuck 2000.4ms on cpu0 at +0ms (threshold 2000ms)")
  })

  it("compares workers of one work type only", () => {
    const result = one(Assert.standard, { busy: 0.9 }, { busy: 0.2, label: "Bursty" })
    expect(result.outcome).toBe("pass")
    expect(result.cgroups.cg_0?.spreadPct).toBeNull()
  })

  it("fails a worker that did nothing", () => {
    const result = one(Assert.standard, { workUnits: 0, tid: 7 })
    expect(result.details).toEqual(["cgroup 'cg_0' worker 0 (SpinWait, tid 7) starved: 0 work units in 10000ms"])
    expect(one(Assert.merge(Assert.standard, { notStarved: false }), { workUnits: 0 }).outcome).toBe("pass")
  })

  it.each([
    [{ _tag: "Signaled", signal: 9 }, "was killed by signal 9 (SIGKILL)"],
    [{ _tag: "Signaled", signal: 35 }, "was killed by signal 35"],
    [{ _tag: "Exited", code: 3 }, "exited by itself with code 3"],
    [{ _tag: "TimedOut" }, "did not answer the stop within 5 s and was killed (SIGKILL)"],
    [null, "did not run to the end"]
  ] as const)("fails a worker that ended as %j, whatever is checked", (exitInfo, how) => {
    const result = one({}, {}, { completed: false, exitInfo, wallTimeNs: 1500 * ms, tid: 42 })
    expect(result.outcome).toBe("fail")
    expect(result.details).toEqual([`cgroup 'cg_0' worker 1 (SpinWait, tid 42) ${how} after 1500ms`])
  })

  it("fails for workers that sent no report", () => {
    const result = judge({ assert: {}, plan: { groups: [group({ workers: 4 })] }, reports: [report()] })
    expect(result.details).toEqual(["cgroup 'cg_0': 3 of 4 SpinWait workers sent no report"])
  })

  it("leaves a worker that ended early out of the comparison", () => {
    const killed = { completed: false, exitInfo: { _tag: "Signaled", signal: 9 } as const, busy: 0 }
    expect(one(Assert.standard, {}, {}, killed).details).toHaveLength(1)
  })

  it("numbers workers over all groups of a cgroup", () => {
    const result = judge({
      assert: Assert.standard,
      plan: { groups: [group({ workers: 2 }), group({ group: 5, workers: 1 })] },
      reports: [report(), report({ index: 1 }), report({ group: 5, maxGapNs: 2500 * ms })]
    })
    expect(result.details[0]).toContain("cgroup 'cg_0' worker 2: stuck 2500ms")
  })

  it("catches a worker outside its cpuset", () => {
    const result = judge({
      assert: { isolation: true },
      plan: { groups: [group({ workers: 2, allowedCpus: [CpuSet.of(0), CpuSet.of(1)] })] },
      reports: [report({ cpusUsed: [0] }), report({ index: 1, cpusUsed: [0, 1, 2] })]
    })
    expect(result.details).toEqual(["cgroup 'cg_0' worker 1: not isolated: ran on cpus 0,2, allowed are only 1"])
  })

  it("keeps the list of details short", () => {
    const stuck = (at: number): Options => ({ maxGapNs: 9000 * ms, maxGapAtNs: at * 10_000 * ms, cpusUsed: [at % 4] })
    const result = one(Assert.standard, ...Array.from({ length: 64 }, (_, at) => stuck(at)))
    expect(result.details).toHaveLength(6)
    expect(result.details[5]).toBe("cgroup 'cg_0': the same of 59 more workers")
  })

  it.each([
    [{ minWorkRate: 300_000 }, {}, "cgroup 'cg_0' worker 0: work rate 204800/s (threshold 300000/s)"],
    [{ minIterationRate: 101 }, {}, "cgroup 'cg_0' worker 0: iteration rate 100/s (threshold 101/s)"],
    [{ maxMigrationRatio: 0.01 }, { migrationCount: 50 }, "cgroup 'cg_0': migration ratio 0.05 (threshold 0.01)"],
    [
      { maxP99WakeLatencyNs: 500 },
      { wakeLatenciesNs: [100, 200, 900], wakeLatenciesSeen: 3 },
      "cgroup 'cg_0': p99 wake latency 900ns (threshold 500ns)"
    ],
    [
      { maxWakeLatencyCv: 0.5 },
      { wakeLatenciesNs: [0, 0, 300], wakeLatenciesSeen: 3 },
      "cgroup 'cg_0': wake latency cv 1.414 (threshold 0.5)"
    ]
  ])("judges %j", (assert, options, expected) => {
    expect(one(assert, options).details).toEqual([expected])
    const off = Object.fromEntries(Object.keys(assert).map((key) => [key, false]))
    expect(one(off, options).outcome).toBe("pass")
  })

  it("judges throughput among like workers", () => {
    const result = one({ maxThroughputCv: 0.2 }, { workUnits: 1000 }, { workUnits: 3000 })
    expect(result.details).toEqual(["cgroup 'cg_0': throughput cv 0.5 (threshold 0.2)"])
    expect(one({ maxThroughputCv: 0.6 }, { workUnits: 1000 }, { workUnits: 3000 }).outcome).toBe("pass")
  })

  it.each([
    [{ minWorkRate: 1 }, { cpuTimeNs: 0 }, "cgroup 'cg_0' worker 0: work rate can't be judged: it had no CPU time"],
    [
      { minIterationRate: 1 },
      { wallTimeNs: 0 },
      "cgroup 'cg_0' worker 0: iteration rate can't be judged: it had no time"
    ],
    [
      { maxMigrationRatio: 1 },
      { iterations: 0 },
      "cgroup 'cg_0': migration ratio can't be judged: there was no iteration"
    ],
    [
      { maxThroughputCv: 1 },
      {},
      "cgroup 'cg_0': throughput cv can't be judged: no two workers of one work type had CPU time"
    ],
    [{ maxP99WakeLatencyNs: 1 }, {}, "wake latency can't be judged: no worker ever waits or yields"],
    [
      { isolation: true },
      { cpusUsed: [] },
      "cgroup 'cg_0' worker 0: isolation can't be judged, no CPU it ran on is known"
    ]
  ])("is inconclusive where there is nothing to judge %j by", (assert, options, expected) => {
    const result = one(assert, options)
    expect(result.outcome).toBe("inconclusive")
    expect(result.details).toEqual([expected])
  })

  it("is inconclusive without samples of work that waits, and asks nothing of work that does not", () => {
    const spin = group()
    const bursty = group({ group: 1, cgroup: "cg_1", workType: "Bursty", blocks: true })
    const reports = [report(), report({ group: 1, cgroup: "cg_1", label: "Bursty" })]
    const assert = { maxP99WakeLatencyNs: 1000 }
    const silent = judge({ assert, plan: { groups: [spin, bursty] }, reports })
    expect(silent.details).toEqual(["cgroup 'cg_1': p99 wake latency can't be judged: no wake latency was sampled"])
    const woken = [reports[0]!, report({ ...reports[1]!, wakeLatenciesNs: [10], wakeLatenciesSeen: 1 })]
    expect(judge({ assert, plan: { groups: [spin, bursty] }, reports: woken }).outcome).toBe("pass")
  })

  it("weighs the samples of a full reservoir", () => {
    const full = { wakeLatenciesNs: [1000], wakeLatenciesSeen: 999 }
    const few = { wakeLatenciesNs: [1, 2, 3], wakeLatenciesSeen: 3 }
    const result = one({}, full, few)
    expect(result.cgroups.cg_0).toMatchObject({ p50WakeLatencyNs: 1000, p99WakeLatencyNs: 1000, wakeups: 1002 })
    expect(one({}, few).cgroups.cg_0).toMatchObject({ p50WakeLatencyNs: 2, p99WakeLatencyNs: 3 })
  })

  it("is inconclusive without any worker", () => {
    expect(judge({ assert: Assert.standard, plan: { groups: [] }, reports: [] }).outcome).toBe("inconclusive")
  })

  it.effect("is what the service does", () =>
    Effect.gen(function* () {
      const checker = yield* Checker
      const input = { assert: Assert.standard, plan: { groups: [group()] }, reports: [report()] }
      expect(yield* checker.judge(input)).toEqual(judge(input))
    }).pipe(Effect.provide(layerChecker))
  )

  it("gives what JSON can carry", () => {
    const result = one(Assert.standard, { wallTimeNs: 0, cpuTimeNs: 0, iterations: 0 })
    const back = Schema.decodeUnknownSync(AssertResult)(
      JSON.parse(JSON.stringify(Schema.encodeSync(AssertResult)(result)))
    )
    expect(back).toEqual(result)
    expect(back.cgroups.cg_0?.avgOffCpuPct).toBeNull()
  })
})

describe("AssertResult", () => {
  const stats = one(Assert.standard, {}).cgroups.cg_0 as CgroupStats
  const named = (outcome: "pass" | "fail", name: string, totals: Partial<TotalStats>) =>
    AssertResult.make({
      outcome,
      details: outcome === "fail" ? [name] : [],
      cgroups: { [name]: stats },
      totals: TotalStats.make({ ...TotalStats.empty, ...totals })
    })

  it("merges to the worst outcome, its details first", () => {
    const merged = AssertResult.mergeAll([
      AssertResult.pass,
      AssertResult.skip("no LLCs"),
      AssertResult.inconclusive("no samples"),
      AssertResult.fail("stuck")
    ])
    expect([merged.outcome, merged.details]).toEqual(["fail", ["stuck", "no samples", "no LLCs"]])
    expect(AssertResult.mergeAll([AssertResult.skip("x"), AssertResult.pass]).outcome).toBe("skip")
    expect(AssertResult.mergeAll([AssertResult.skip("x"), AssertResult.inconclusive("y")]).outcome).toBe("inconclusive")
    expect(AssertResult.mergeAll([]).outcome).toBe("pass")
  })

  it("merges to the worst spread, gap and latency, and to sums of counters", () => {
    const a = named("pass", "a", { migrations: 2, worstSpreadPct: 5, worstGapMs: 10, worstGapCpu: 1 })
    const b = named("fail", "b", { migrations: 3, worstGapMs: 90, worstGapCpu: 3, worstP99WakeLatencyNs: 7 })
    for (const merged of [AssertResult.merge(a, b), AssertResult.merge(b, a)]) {
      expect(Object.keys(merged.cgroups).sort()).toEqual(["a", "b"])
      expect(merged.totals).toMatchObject({
        migrations: 5,
        worstSpreadPct: 5,
        worstGapMs: 90,
        worstGapCpu: 3,
        worstP99WakeLatencyNs: 7,
        worstRunDelayUs: null
      })
    }
    expect(AssertResult.merge(AssertResult.pass, a)).toEqual(a)
  })
})

describe("Assert", () => {
  it("lets later layers win, field by field", () => {
    const merged = Assert.merge(Assert.standard, { maxSpreadPct: 35, isolation: true }, undefined, { maxSpreadPct: 20 })
    expect(merged).toEqual({ ...Assert.standard, maxSpreadPct: 20, isolation: true })
    expect(Assert.merge(Assert.standard, { maxGapMs: undefined }).maxGapMs).toBe(2000)
    expect(Assert.merge(Assert.standard, { maxGapMs: false }).maxGapMs).toBe(false)
  })

  it("switches gap and spread off with notStarved, but not what is set with it or after it", () => {
    const off = Assert.merge(Assert.standard, { notStarved: false })
    expect([off.notStarved, off.maxGapMs, off.maxSpreadPct]).toEqual([false, false, false])
    expect(Assert.merge(Assert.standard, { notStarved: false, maxGapMs: 500 }).maxGapMs).toBe(500)
    expect(Assert.merge(off, { maxSpreadPct: 9 }).maxSpreadPct).toBe(9)
    const on = Assert.merge(off, { notStarved: true })
    expect([on.notStarved, on.maxGapMs, on.maxSpreadPct]).toEqual([true, 2000, 15])
  })

  it("has the documented defaults and profiles", () => {
    expect(Assert.standard).toMatchObject({
      notStarved: true,
      isolation: false,
      maxGapMs: 2000,
      maxSpreadPct: 15,
      maxImbalanceRatio: 4,
      maxLocalDsqDepth: 50,
      failOnStall: true,
      sustainedSamples: 5,
      maxFallbackRate: 200,
      maxKeepLastRate: 100
    })
    expect(Assert.relaxed).toEqual({ maxGapMs: 3000, maxSpreadPct: 35 })
    expect(Assert.strict).toEqual({ isolation: true, maxGapMs: 1000, maxSpreadPct: 10 })
    expect(Assert.forClock("kvm")).toEqual(Assert.standard)
    expect(Assert.forClock("deterministic")).toEqual({ ...Assert.forClock("emulated"), maxGapMs: 2000 })
    expect(Assert.forClock("emulated")).toMatchObject({ maxGapMs: 3000, maxSpreadPct: 35, maxImbalanceRatio: 8 })
  })
})

describe("expectFailure", () => {
  const failed = AssertResult.fail("cgroup 'cg_0': unfair cgroup: spread=42%", "other")

  it("turns a failure into a pass, and a pass into a failure", () => {
    expect(expectFailure(failed, true)).toMatchObject({ outcome: "pass", details: [] })
    expect(expectFailure(AssertResult.pass, true)).toMatchObject({
      outcome: "fail",
      details: ["expected a failure, but every check passed"]
    })
    for (const expected of [undefined, false]) expect(expectFailure(failed, expected)).toBe(failed)
  })

  it("takes only the failure that matches", () => {
    const pattern = /unfair cgroup/g
    expect([expectFailure(failed, pattern).outcome, expectFailure(failed, pattern).outcome]).toEqual(["pass", "pass"])
    expect(expectFailure(failed, /stuck/).details).toEqual([
      "expected a failure that matches /stuck/, but it failed otherwise:",
      ...failed.details
    ])
  })

  it("does not take a skip or an inconclusive verdict for a failure", () => {
    for (const result of [AssertResult.skip("x"), AssertResult.inconclusive("y")]) {
      expect(expectFailure(result, true)).toBe(result)
    }
  })
})
