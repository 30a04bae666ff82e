import { describe, expect, it } from "@effect/vitest"
import { CannedScenarios, Scenario, ScenarioContext, Scenarios, TestTopology, Topology } from "@ktstr/core"
import { Plan } from "@ktstr/core/plan"
import { layerScenarios } from "@ktstr/core/scenario"
import { Presets } from "@ktstr/core/topology"
import { layerWorkTypes } from "@ktstr/core/work"
import { layerBuiltinWorkTypes, workTypes } from "@ktstr/work-types"
import { Effect, Either, Layer } from "effect"
import {
  affinity,
  basic,
  catalog,
  cpuset,
  dynamic,
  interaction,
  layerCatalog,
  nested,
  performance,
  stress
} from "../src/index.ts"

const categories = { basic, cpuset, dynamic, affinity, interaction, nested, performance, stress }

const registries = Layer.mergeAll(layerBuiltinWorkTypes, layerCatalog).pipe(
  Layer.provideMerge(Layer.merge(layerWorkTypes, layerScenarios))
)

describe("the catalog", () => {
  it("has over 50 scenarios in eight categories, named after them and described in a line", () => {
    expect(catalog.length).toBeGreaterThan(50)
    expect(new Set(catalog.map((scenario) => scenario.name)).size).toBe(catalog.length)
    for (const [category, scenarios] of Object.entries(categories)) {
      expect(scenarios.length).toBeGreaterThanOrEqual(5)
      for (const scenario of scenarios) {
        expect(scenario.category).toBe(category)
        expect(scenario.name).toMatch(new RegExp(`^${category}/[a-z][A-Za-z0-9]+$`))
        expect(scenario.description).toMatch(/^\S[^\n]{10,120}$/)
      }
    }
  })

  it("skips with a reason what the machine is too small for", () => {
    const topology = TestTopology.fromTopology(Either.getOrThrow(Topology.parse("1n1l1c1t")))
    const reasons = catalog.flatMap((scenario) => Scenario.unmet(scenario, topology) ?? [])
    expect(reasons).toContain("scenario 'cpuset/numaSwap' needs at least 2 CPUs; the topology has 1")
    expect(reasons).toContain("scenario 'stress/crossLlcCpusetRace' needs at least 2 LLCs; the topology has 1")
    expect(reasons.length).toBeLessThan(catalog.length / 2)
  })
})

it.layer(registries)("the catalog", (it) => {
  it.effect("is registered beside the canned scenarios", () =>
    Effect.gen(function* () {
      const { matching } = yield* Scenarios
      expect(yield* matching("nested/*")).toEqual(nested)
    })
  )

  for (const scenario of catalog) {
    it.effect(`${scenario.name} compiles on the smallest machine it takes, and on every preset`, () =>
      Effect.gen(function* () {
        const small = ["1n1l1c1t", "1n1l2c1t", "1n2l1c1t", "1n1l4c1t", "2n2l1c1t"].map((text) =>
          Either.getOrThrow(Topology.parse(text))
        )
        let compiled = 0
        for (const topology of [...small, ...Presets.all.map((preset) => preset.topology)]) {
          const topo = TestTopology.fromTopology(topology)
          if (Scenario.unmet(scenario, topo) !== undefined) continue
          const plan = yield* Plan.compile(scenario, ScenarioContext.make({ topo, durationMs: 1000 }))
          expect(plan.warnings).toEqual([])
          expect(plan.plannedNs).toBeGreaterThanOrEqual(1e9 - 3)
          expect(plan.plannedNs).toBeLessThanOrEqual(1.5e9)
          for (const group of plan.groups) for (const cpus of group.allowedCpus) expect(cpus.isEmpty).toBe(false)
          compiled++
        }
        expect(compiled).toBeGreaterThan(0)
      })
    )
  }

  it.effect("stress/workloadVariety has every built-in work type", () =>
    Effect.gen(function* () {
      const { get } = yield* Scenarios
      const topo = TestTopology.fromTopology(Either.getOrThrow(Topology.parse("1n1l4c1t")))
      const plan = yield* Plan.compile(yield* get("stress/workloadVariety"), ScenarioContext.make({ topo }))
      expect(plan.groups.map((group) => group.workType)).toEqual(workTypes.map((type) => type.name))
    })
  )

  it.effect.each(["1n1l1c1t", "1n1l2c1t", "1n2l2c1t", "2n4l2c1t"])(
    "judges isolation on %s only where CPUs are withheld",
    (shape) =>
      Effect.gen(function* () {
        const topo = TestTopology.fromTopology(Either.getOrThrow(Topology.parse(shape)))
        const ctx = ScenarioContext.make({ topo })
        const judged: Array<string> = []
        for (const scenario of [...catalog, ...CannedScenarios.all]) {
          if (Scenario.unmet(scenario, topo) !== undefined) continue
          const { assert, groups } = yield* Plan.compile(scenario, ctx)
          if (assert.isolation !== true) continue
          judged.push(scenario.name)
          const bounds = groups.flatMap((group) => [...group.allowedCpus, ...group.cpusets.map(({ cpus }) => cpus)])
          expect(
            bounds.some((cpus) => cpus.size < topo.allCpus.size),
            scenario.name
          ).toBe(true)
        }
        if (topo.allCpus.size > 2) expect(judged).toContain("affinity/withCpuset")
      }).pipe(Effect.provide(registries))
  )
})
