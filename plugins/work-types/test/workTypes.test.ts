import { describe, expect, it } from "@effect/vitest"
import {
  CannedScenarios,
  layerWorkTypes,
  Plan,
  Presets,
  Scenario,
  ScenarioContext,
  TestTopology,
  Topology,
  WorkProgram,
  WorkTypeRef,
  WorkTypes
} from "@ktstr/core"
import { Effect, Either, Layer } from "effect"
import { layerBuiltinWorkTypes, workTypes } from "../src/index.ts"

const registry = Layer.provideMerge(layerBuiltinWorkTypes, layerWorkTypes)
const topology = (text: string) => TestTopology.fromTopology(Either.getOrThrow(Topology.parse(text)))

it.layer(registry)("built-in work types", (it) => {
  it.effect("are all registered, in order", () =>
    Effect.gen(function* () {
      const listed = yield* Effect.flatMap(WorkTypes, (service) => service.list)
      expect(listed.map((type) => type.name)).toEqual([
        "SpinWait",
        "YieldHeavy",
        "Mixed",
        "IoSyncWrite",
        "Bursty",
        "PipeIo",
        "FutexPingPong",
        "CachePressure",
        "ForkExit"
      ])
    })
  )

  for (const type of workTypes) {
    it.effect(`${type.name} encodes with its defaults`, () =>
      Effect.gen(function* () {
        const instance = yield* WorkTypeRef.resolve(WorkTypeRef.of(type.name))
        expect((yield* WorkProgram.encode(instance.program)).length).toBeGreaterThan(10)
        expect(type.description).not.toBe("")
        expect(instance.groupSize).toBe(type.defaultGroupSize)
      })
    )
  }

  it.effect("are found under the older spellings, and reported under the newer", () =>
    Effect.gen(function* () {
      expect((yield* WorkTypeRef.resolve(WorkTypeRef.of("CpuSpin"))).name).toBe("SpinWait")
      expect((yield* WorkTypeRef.resolve(WorkTypeRef.of("IoSync"))).name).toBe("IoSyncWrite")
    })
  )

  it.effect("have the documented parameters", () =>
    Effect.gen(function* () {
      const bursty = yield* WorkTypeRef.resolve(yield* WorkTypeRef.parse("Bursty:burst=10ms,sleep=20ms"))
      expect(bursty.program.body).toMatchObject([{ ns: 10e6, body: [{ n: 1024 }] }, { ns: 20e6 }])
      const defaults = yield* WorkTypeRef.resolve(WorkTypeRef.of("Bursty"))
      expect(defaults.program.body).toMatchObject([{ ns: 50e6 }, { ns: 100e6 }])
      const cache = yield* WorkTypeRef.resolve(WorkTypeRef.of("CachePressure"))
      expect(cache.program.body).toMatchObject([{ bytes: 32768, stride: 64, passes: 1 }])
      const io = yield* WorkTypeRef.resolve(WorkTypeRef.of("IoSyncWrite"))
      expect(io.program.body).toMatchObject([{ bytes: 65536, block: 4096 }, { _tag: "FileSync" }, { ns: 1e5 }])
    })
  )

  it.effect("that exchange work in pairs over two channels, both sending before they wait", () =>
    Effect.gen(function* () {
      for (const name of ["PipeIo", "FutexPingPong"]) {
        const { groupSize, program } = yield* WorkTypeRef.resolve(WorkTypeRef.of(name))
        expect([groupSize, WorkProgram.channels(program)]).toEqual([2, 2])
        const roles = program.body[1]
        expect(roles?._tag).toBe("Roles")
        if (roles?._tag !== "Roles") return
        const tags = roles.branches.map((branch) => branch.map((node) => node._tag))
        expect(tags[0]).toEqual(tags[1])
        expect(["PipeWrite", "Post"]).toContain(tags[0]?.[0])
      }
    })
  )

  for (const scenario of CannedScenarios.all) {
    it.effect(`${scenario.name} compiles on every preset that meets its needs`, () =>
      Effect.gen(function* () {
        for (const preset of Presets.all) {
          const topo = TestTopology.fromTopology(preset.topology)
          if (Scenario.unmet(scenario, topo) !== undefined) continue
          const plan = yield* Plan.compile(scenario, ScenarioContext.make({ topo, durationMs: 3000 }))
          expect(plan.plannedNs).toBeCloseTo(3e9, -2)
          expect(plan.groups.length).toBeGreaterThan(1)
          for (const group of plan.groups) for (const cpus of group.allowedCpus) expect(cpus.isEmpty).toBe(false)
        }
      })
    )
  }

  it.effect("steady keeps the 4 CPUs of 1n2l2c1t busy with its defaults", () =>
    Effect.gen(function* () {
      const steady = yield* CannedScenarios.find("steady")
      const plan = yield* Plan.compile(steady, ScenarioContext.make({ topo: topology("1n2l2c1t") }))
      expect(plan.groups.map((group) => [group.cgroup, group.workType, group.workers])).toEqual([
        ["cg_0", "SpinWait", 2],
        ["cg_1", "SpinWait", 2]
      ])
      expect(plan.groups.flatMap((group) => group.allowedCpus.map(String))).toEqual(["0-3", "0-3", "0-3", "0-3"])
    })
  )

  it.effect("oversubscribed has 32 mixed workers in each cgroup", () =>
    Effect.gen(function* () {
      const scenario = yield* CannedScenarios.find("oversubscribed")
      const plan = yield* Plan.compile(scenario, ScenarioContext.make({ topo: topology("1n2l2c1t") }))
      expect(plan.groups.map((group) => [group.workType, group.workers])).toEqual([
        ["Mixed", 32],
        ["Mixed", 32]
      ])
    })
  )

  it.effect("an override replaces the spinning workers, and says so when the count does not fit", () =>
    Effect.gen(function* () {
      const steady = yield* CannedScenarios.find("steady")
      const topo = topology("1n2l2c1t")
      const workTypeOverride = WorkTypeRef.of("PipeIo")
      const plan = yield* Plan.compile(steady, ScenarioContext.make({ topo, workTypeOverride }))
      expect(plan.groups.map((group) => group.workType)).toEqual(["PipeIo", "PipeIo"])
      const odd = ScenarioContext.make({ topo, workTypeOverride, workersPerCgroup: 3 })
      const error = yield* Effect.flip(Plan.compile(steady, odd))
      expect(error.message).toBe("PipeIo requires num_workers divisible by 2, got 3")
    })
  )
})

describe("canned scenarios", () => {
  it("are skipped with a reason where the machine is too small", () => {
    const steadyLlc = Either.getOrThrow(CannedScenarios.find("steadyLlc"))
    expect(Scenario.unmet(steadyLlc, topology("1n1l4c1t"))).toBe(
      "scenario 'steadyLlc' needs at least 2 LLCs; the topology has 1"
    )
    expect(Scenario.unmet(steadyLlc, topology("1n2l1c1t"))).toBeUndefined()
  })

  it("suggest the nearest name", () => {
    const error = Either.getOrThrow(Either.flip(CannedScenarios.find("staedy")))
    expect(error.message).toBe("unknown scenario 'staedy'; did you mean 'steady'?")
  })
})
