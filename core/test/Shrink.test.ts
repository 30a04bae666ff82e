import { describe, expect, it } from "@effect/vitest"
import { executeSteps, HoldSpec, Op, Scenario, ScenarioContext, Step, TestTopology, Topology } from "@ktstr/core"
import { countOps, type ShrinkCase, shrink, smallerCases, withoutOps } from "@ktstr/core/explore"
import type { ScenarioSteps } from "@ktstr/core/scenario"
import { Effect } from "effect"

const topology = Topology.unsafeMake({ numaNodes: 2, llcs: 4, coresPerLlc: 2, threadsPerCore: 1 })
const from: ShrinkCase = { topology, workersPerCgroup: 8, durationMs: 5000, without: [] }

describe("smallerCases", () => {
  it("are all smaller in one respect, the boldest first", () => {
    const cases = smallerCases(from, 2)
    expect(cases.slice(0, 3).map((one) => String(one.topology))).toEqual(["1n1l2c1t", "1n4l2c1t", "1n2l2c1t"])
    expect(
      cases.filter((one) => one.topology === topology).map((one) => [one.workersPerCgroup, one.durationMs, one.without])
    ).toEqual([
      [1, 5000, []],
      [4, 5000, []],
      [7, 5000, []],
      [8, 2500, []],
      [8, 5000, [0]],
      [8, 5000, [1]]
    ])
  })

  it("end with two CPUs, one worker, a tenth of a second and no op", () => {
    const smallest = {
      topology: Topology.unsafeMake({ numaNodes: 1, llcs: 1, coresPerLlc: 2, threadsPerCore: 1 }),
      workersPerCgroup: 1,
      durationMs: 100,
      without: [0]
    }
    expect(smallerCases(smallest, 1)).toEqual([])
  })
})

describe("shrink", () => {
  it.effect("finds the least that fails alike", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const { attempts, found, smallest } = yield* shrink({
        from,
        ops: 3,
        limit: 100,
        attempt: (one) =>
          Effect.sync(() => {
            asked.push(JSON.stringify({ ...one, topology: String(one.topology) }))
            const fails = one.workersPerCgroup >= 3 && one.topology.cpus >= 4 && !one.without.includes(1)
            return fails ? one.durationMs : undefined
          })
      })
      expect([String(smallest.topology), smallest.workersPerCgroup, smallest.durationMs, smallest.without]).toEqual([
        "1n2l2c1t",
        3,
        100,
        [0, 2]
      ])
      expect(found).toBe(100)
      expect(attempts).toBe(asked.length)
      expect(new Set(asked).size).toBe(asked.length)
    })
  )

  it.effect("stops at its limit, and says when nothing smaller fails", () =>
    Effect.gen(function* () {
      const never = yield* shrink({ from, ops: 0, limit: 100, attempt: () => Effect.succeed(undefined) })
      expect(never).toMatchObject({ smallest: from, found: undefined })
      const few = yield* shrink({ from, ops: 0, limit: 2, attempt: () => Effect.succeed(true) })
      expect(few.attempts).toBe(2)
    })
  )
})

describe("withoutOps", () => {
  const ops = [Op.AddCgroup("a"), Op.AddCgroup("b"), Op.AddCgroup("c")] as const
  const scenario = Scenario.make({
    name: "three",
    description: "three ops in two steps",
    build: (ctx) =>
      executeSteps(ctx, [Step.new([ops[0], ops[1]], HoldSpec.Frac(0.5)), Step.new([ops[2]], HoldSpec.Frac(0.5))])
  })
  const ctx = ScenarioContext.make({ topo: TestTopology.fromTopology(topology) })

  it("counts ops over all steps", () => {
    const of = (without: ReadonlyArray<number>) =>
      (withoutOps(scenario, without).build(ctx) as ScenarioSteps).steps.map((step) => step.ops)
    expect(countOps(scenario.build(ctx) as ScenarioSteps)).toBe(3)
    expect(of([])).toEqual([[ops[0], ops[1]], [ops[2]]])
    expect(of([0, 2])).toEqual([[ops[1]], []])
  })
})
