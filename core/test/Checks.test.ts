import { describe, expect, it } from "@effect/vitest"
import { Either } from "effect"
import { Assert } from "../src/check/Assert.ts"
import { type JudgeInput, judge } from "../src/check/Checker.ts"
import { type Check, Checks } from "../src/check/Checks.ts"
import type { PlannedGroup } from "../src/check/Expected.ts"
import { ClockMode } from "../src/machine/ClockMode.ts"
import { Scheduler, SchedulerBinary } from "../src/scheduler/Scheduler.ts"
import { KtstrTest } from "../src/test/KtstrTest.ts"
import { CpuSet } from "../src/topology/CpuSet.ts"
import { TestTopology } from "../src/topology/TestTopology.ts"
import { Topology } from "../src/topology/Topology.ts"
import { group, ms, type ReportOptions, report } from "./reports.ts"

const machine = (shape: string): TestTopology => TestTopology.fromTopology(Either.getOrThrow(Topology.parse(shape)))

const fourCpus = machine("1n2l2c1t")
const twoNodes = machine("2n2l2c1t")
/** CPUs 0 to 3 on node 0, node 1 has memory only. */
const slowNode = machine("2n2l2c1t[2+0]")

/** A group whose cpuset allows these CPUs. */
const on = (cpus: CpuSet, options: Partial<PlannedGroup> = {}): PlannedGroup => {
  const workers = options.workers ?? 1
  return group({
    cpusets: [{ command: 0, step: 0, cpus }],
    allowedCpus: Array.from({ length: workers }, () => cpus),
    ...options
  })
}

interface Case {
  readonly value: number | boolean
  readonly topology?: TestTopology
  readonly group?: PlannedGroup
  readonly bad: ReadonlyArray<ReportOptions>
  readonly good: ReadonlyArray<ReportOptions>
}

const left = CpuSet.range(0, 2)

const pages = (local: number, remote: number) => ({
  numaPages: [
    { node: 0, pages: local },
    { node: 1, pages: remote }
  ]
})

const moves = (...steps: ReadonlyArray<readonly [from: number, to: number]>) => ({
  migrationCount: steps.length,
  migrations: steps.map(([from, to], timeNs) => ({ from, to, timeNs }))
})

const wakes = (latency: number) => ({ wakeLatenciesNs: [latency, latency + 1], wakeLatenciesSeen: 2 })

/** Reports that violate each check, and reports that keep it. `not yet`: nothing judges it; the list must get shorter. */
const cases: Readonly<Record<keyof Assert, Case | "not yet">> = {
  notStarved: { value: true, bad: [{ workUnits: 0 }], good: [{}] },
  isolation: { value: true, group: on(left), bad: [{ cpusUsed: [3] }], good: [{ cpusUsed: [0, 1] }] },
  maxGapMs: { value: 100, bad: [{ maxGapNs: 101 * ms }], good: [{ maxGapNs: 100 * ms }] },
  maxSpreadPct: { value: 10, bad: [{ busy: 0.5 }, { busy: 0.39 }], good: [{ busy: 0.5 }, { busy: 0.41 }] },
  maxThroughputCv: {
    value: 0.1,
    bad: [{ workUnits: 1000 }, { workUnits: 2000 }],
    good: [{ workUnits: 1000 }, { workUnits: 1001 }]
  },
  minWorkRate: { value: 10, bad: [{ workUnits: 49 }], good: [{ workUnits: 50 }] },
  maxP99WakeLatencyNs: { value: 1000, bad: [wakes(1000)], good: [wakes(999)] },
  maxWakeLatencyCv: {
    value: 0.1,
    bad: [{ wakeLatenciesNs: [1, 100], wakeLatenciesSeen: 2 }],
    good: [wakes(1000)]
  },
  minIterationRate: { value: 100, bad: [{ iterations: 999 }], good: [{ iterations: 1000 }] },
  maxMigrationRatio: { value: 0.1, bad: [{ migrationCount: 101 }], good: [{ migrationCount: 100 }] },
  maxImbalanceRatio: "not yet",
  maxLocalDsqDepth: "not yet",
  failOnStall: "not yet",
  sustainedSamples: "not yet",
  maxFallbackRate: "not yet",
  maxKeepLastRate: "not yet",
  minPageLocality: {
    value: 0.9,
    topology: twoNodes,
    group: on(left),
    bad: [pages(89, 11)],
    good: [pages(90, 10)]
  },
  maxCrossNodeMigrationRatio: {
    value: 0.25,
    topology: twoNodes,
    bad: [moves([0, 2], [2, 3], [3, 2])],
    good: [moves([0, 2], [2, 3], [3, 2], [2, 3])]
  },
  maxSlowTierRatio: { value: 0.2, topology: slowNode, bad: [pages(79, 21)], good: [pages(80, 20)] }
}

/** As a run does: the layers settled, then judged. */
const judged = (assert: Assert, of: Omit<Case, "value" | "bad" | "good">, options: ReadonlyArray<ReportOptions>) => {
  const settled = Assert.settle(Assert.standard, [{ by: "the test", assert }])
  const planned = of.group ?? on(fourCpus.allCpus, { workers: options.length })
  const input: JudgeInput = {
    ...settled,
    topology: of.topology ?? fourCpus,
    plan: { groups: [{ ...planned, workers: options.length }] },
    reports: options.map((option, index) => report({ index, ...option }))
  }
  return judge(input)
}

/** A good value of the check, for those that nothing judges. */
const valueOf = ({ kind }: Check): number | boolean => (kind._tag === "switch" ? true : 3)

describe("every check", () => {
  for (const [name, found] of Object.entries(cases) as ReadonlyArray<[keyof Assert, Case | "not yet"]>) {
    if (found === "not yet") {
      it(`${name} makes a run inconclusive: nothing judges it`, () => {
        const value = valueOf(Checks.get(name))
        const result = judged({ [name]: value }, {}, [{}])
        expect(result.outcome).toBe("inconclusive")
        expect(result.details).toHaveLength(1)
        expect(result.details[0]).toContain(`${name} ${value}, set by the test, is not judged yet`)
        expect(result.details[0]).toContain("ktstr list checks")
        const failed = judged({ [name]: value }, {}, [{ workUnits: 0 }])
        expect(failed.outcome).toBe("fail")
        expect(failed.details[1]).toContain(name)
      })
    } else {
      it(`${name} fails what violates it and passes what keeps it`, () => {
        const { bad, good, value, ...of } = found
        expect(judged({ [name]: value }, of, good).details).toEqual([])
        const result = judged({ [name]: value }, of, bad)
        expect(result.outcome).toBe("fail")
        expect(judged({ [name]: false }, of, good).outcome).toBe("pass")
      })
    }
  }

  it("that is switched off, or that only the default sets, is no reason", () => {
    for (const { kind, name } of Checks.all) {
      if (kind._tag === "switch" || !Checks.isJudged(name)) {
        expect(judged({ [name]: false }, {}, [{}]).outcome).toBe("pass")
      }
    }
    expect(judged({}, {}, [{}]).outcome).toBe("pass")
  })

  it("is on the list of those that nothing judges exactly where no report can violate it", () => {
    const open = Object.entries(cases).flatMap(([name, found]) => (found === "not yet" ? [name] : []))
    const told = Checks.all.filter(({ name }) => !Checks.isJudged(name))
    expect(told.map(({ name }) => name)).toEqual(open)
  })

  it("is in no profile that a layer may be, if nothing judges it", () => {
    for (const profile of [Assert.strict, Assert.relaxed]) {
      expect(Object.keys(profile).filter((name) => Checks.isName(name) && !Checks.isJudged(name))).toEqual([])
    }
  })

  it("has values in every default that it accepts", () => {
    for (const clock of ClockMode.literals) expect(Checks.problem(Assert.forClock(clock))).toBeUndefined()
  })
})

describe("settled layers", () => {
  it("remember who had the last word, and no default", () => {
    const { assert, setBy } = Assert.settle(Assert.standard, [
      { by: "the scheduler", assert: { maxFallbackRate: 9, maxImbalanceRatio: 2, failOnStall: true } },
      { by: "the scenario", assert: { maxFallbackRate: undefined, maxImbalanceRatio: false } },
      { by: "the test", assert: { maxFallbackRate: 10 } }
    ])
    expect(assert.maxFallbackRate).toBe(10)
    expect([...setBy]).toEqual([
      ["failOnStall", "the scheduler"],
      ["maxFallbackRate", "the test"]
    ])
  })

  it("that a caller of judge did not name count as its own where they differ from every default", () => {
    const input = { plan: { groups: [group()] }, reports: [report()] }
    expect(judge({ ...input, assert: { ...Assert.standard, maxKeepLastRate: 7 } }).details[0]).toContain(
      "maxKeepLastRate 7, set by the caller"
    )
    expect(judge({ ...input, assert: Assert.forClock("emulated") }).outcome).toBe("pass")
  })
})

describe("shares that nothing stands behind are inconclusive, and told", () => {
  const detail = (
    assert: Assert,
    of: Omit<Case, "value" | "bad" | "good">,
    ...options: ReadonlyArray<ReportOptions>
  ) => {
    const { details, outcome } = judged(assert, of, options)
    expect(outcome).toBe("inconclusive")
    return details.join("\n")
  }
  const half = { topology: twoNodes, group: on(left) }

  it("no pages, no migrations", () => {
    expect(detail({ minPageLocality: 0.5 }, half, {})).toBe(
      "cgroup 'cg_0': page locality can't be judged: no page of its workers is known"
    )
    expect(detail({ maxCrossNodeMigrationRatio: 0.5 }, half, {})).toBe(
      "cgroup 'cg_0': cross-node migration ratio can't be judged: none of its workers migrated"
    )
    expect(detail({ maxSlowTierRatio: 0.5 }, { topology: slowNode }, {})).toContain("no page of its workers is known")
  })

  it("a machine, or a cpuset, on which a share could only be perfect", () => {
    expect(detail({ minPageLocality: 0.5 }, {}, pages(9, 0))).toContain("may use the CPUs of every NUMA node")
    expect(detail({ minPageLocality: 0.5 }, { topology: twoNodes }, pages(5, 5))).toContain("every NUMA node")
    expect(detail({ maxCrossNodeMigrationRatio: 0.5 }, {}, moves([0, 1]))).toContain("CPUs on one NUMA node only")
    expect(detail({ maxSlowTierRatio: 0.5 }, { topology: twoNodes }, pages(5, 5))).toContain(
      "no NUMA node without CPUs"
    )
    expect(detail({ isolation: true }, {}, {})).toContain("every worker may run on every CPU")
  })

  it("judges the cgroups that can be judged", () => {
    const result = judge({
      ...Assert.settle(Assert.standard, [{ by: "the test", assert: { minPageLocality: 0.9 } }]),
      topology: twoNodes,
      plan: { groups: [on(left), on(twoNodes.allCpus, { group: 1, cgroup: "free" })] },
      reports: [report(pages(1, 9)), report({ group: 1, cgroup: "free", ...pages(1, 9) })]
    })
    expect(result.details).toEqual(["cgroup 'cg_0': page locality 0.1 (threshold 0.9)"])
    expect(result.cgroups.cg_0?.pageLocality).toBe(0.1)
    expect(result.cgroups.free?.pageLocality).toBeNull()
  })

  it("takes the CPUs that the cpuset had last", () => {
    const moved = group({
      cpusets: [
        { command: 0, step: 0, cpus: left },
        { command: 9, step: 1, cpus: CpuSet.range(2, 4) }
      ],
      allowedCpus: [CpuSet.range(0, 4)]
    })
    const of = { topology: twoNodes, group: moved }
    expect(judged({ minPageLocality: 0.9 }, of, [pages(100, 0)]).outcome).toBe("fail")
    expect(judged({ minPageLocality: 0.9 }, of, [pages(0, 100)]).outcome).toBe("pass")
  })
})

describe("a value that can't be judged is refused by name", () => {
  const wrong: ReadonlyArray<readonly [layer: object, message: string]> = [
    [{ maxGapMs: Number.NaN }, "maxGapMs must be a number of at least 0, or false to switch it off, got NaN"],
    [{ maxGapMs: -1 }, "got -1"],
    [{ maxGapMs: Number.POSITIVE_INFINITY }, "got Infinity"],
    [{ maxGapMs: "100" }, "got '100'"],
    [{ maxGapMs: true }, "got true"],
    [{ maxGapMs: null }, "got null"],
    [{ maxSpreadPct: 100 }, "below 100, which nothing exceeds"],
    [{ minWorkRate: 0 }, "minWorkRate must be a number greater than 0"],
    [{ minPageLocality: 1.5 }, "greater than 0 and at most 1"],
    [{ maxSlowTierRatio: 1 }, "below 1, which nothing exceeds"],
    [{ isolation: "yes" }, "isolation must be true or false, got 'yes'"],
    [{ sustainedSamples: 0 }, "sustainedSamples must be a whole number of at least 1"],
    [{ maxGapsMs: 5 }, "unknown check 'maxGapsMs'; did you mean 'maxGapMs'?"]
  ]

  it.each(wrong)("%o", (layer, message) => {
    expect(Checks.problem(layer)).toContain(message)
    expect(() => Scheduler.make("scx_x", { binary: SchedulerBinary.Eevdf, assert: layer })).toThrow(message)
  })

  it.each(wrong.filter(([layer]) => !Object.hasOwn(layer, "maxGapsMs")))("%o of a test", (layer, message) => {
    const made = KtstrTest.make("t", layer, [])
    expect(Either.isLeft(made) && made.left.message).toContain(message)
  })
})
