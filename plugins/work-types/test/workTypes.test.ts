import { describe, expect, it } from "@effect/vitest"
import {
  CannedScenarios,
  Scenario,
  ScenarioContext,
  TestTopology,
  Topology,
  WorkProgram,
  WorkTypeRef
} from "@ktstr/core"
import { Plan } from "@ktstr/core/plan"
import { Presets } from "@ktstr/core/topology"
import { layerWorkTypes, WorkTypes } from "@ktstr/core/work"
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
        "IoRandRead",
        "IoConvoy",
        "Bursty",
        "PipeIo",
        "FutexPingPong",
        "CachePressure",
        "CacheYield",
        "CachePipe",
        "FutexFanOut",
        "FanOutCompute",
        "Sequence",
        "ForkExit",
        "NiceSweep",
        "AffinityChurn",
        "PolicyChurn",
        "PageFaultChurn",
        "MutexContention"
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

  for (const type of workTypes) {
    for (const bound of ["min", "max"] as const) {
      it.effect(`${type.name} encodes with every parameter at its ${bound}`, () =>
        Effect.gen(function* () {
          const params = Object.fromEntries(
            type.params.flatMap((param) => (param[bound] === undefined ? [] : [[param.name, param[bound]]]))
          )
          const instance = yield* type.instantiate(params)
          expect((yield* WorkProgram.encode(instance.program)).length).toBeGreaterThan(10)
          expect(instance.groupSize).toBeLessThanOrEqual(1024)
        })
      )
    }
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

  it.effect("work in groups of the documented sizes, which their parameters decide", () =>
    Effect.gen(function* () {
      const sizeOf = (text: string) =>
        Effect.map(Effect.flatMap(WorkTypeRef.parse(text), WorkTypeRef.resolve), (instance) => instance.groupSize)
      expect(yield* sizeOf("CachePipe")).toBe(2)
      expect(yield* sizeOf("FutexFanOut")).toBe(5)
      expect(yield* sizeOf("FutexFanOut:receivers=7")).toBe(8)
      expect(yield* sizeOf("FanOutCompute")).toBe(5)
      expect(yield* sizeOf("FanOutCompute:workers=1")).toBe(2)
      expect(yield* sizeOf("MutexContention")).toBe(4)
      expect(yield* sizeOf("MutexContention:contenders=9")).toBe(9)
      const grouped = workTypes.filter((type) => type.defaultGroupSize > 1).map((type) => type.name)
      expect(grouped).toEqual([
        "PipeIo",
        "FutexPingPong",
        "CachePipe",
        "FutexFanOut",
        "FanOutCompute",
        "MutexContention"
      ])
    })
  )

  it.effect("that change the worker change it back", () =>
    Effect.gen(function* () {
      const teardown = (name: string) =>
        Effect.map(WorkTypeRef.resolve(WorkTypeRef.of(name)), (instance) => instance.program.teardown)
      expect(yield* teardown("NiceSweep")).toEqual([WorkProgram.setNice(0)])
      expect(yield* teardown("PolicyChurn")).toEqual([WorkProgram.setPolicy("Normal")])
      expect(yield* teardown("AffinityChurn")).toEqual([WorkProgram.setAffinity("initial")])
    })
  )

  it.effect("walk every nice value and every policy", () =>
    Effect.gen(function* () {
      const sweep = yield* WorkTypeRef.resolve(WorkTypeRef.of("NiceSweep"))
      const nices = sweep.program.body.flatMap((node) => (node._tag === "Cycle" ? node.branches.flat() : []))
      expect(nices).toEqual(Array.from({ length: 40 }, (_, i) => WorkProgram.setNice(i - 20)))
      const policies = (text: string) =>
        Effect.map(Effect.flatMap(WorkTypeRef.parse(text), WorkTypeRef.resolve), ({ program }) =>
          program.body.flatMap((node) => (node._tag === "Cycle" ? node.branches.flat() : []))
        )
      expect(yield* policies("PolicyChurn")).toMatchObject(
        ["Normal", "Batch", "Idle", "Fifo", "RoundRobin"].map((policy) => ({ policy }))
      )
      expect(yield* policies("PolicyChurn:priority=0")).toHaveLength(3)
    })
  )

  it.effect("a sequence reads its phases as text and as data", () =>
    Effect.gen(function* () {
      const asText = yield* WorkTypeRef.resolve(
        yield* WorkTypeRef.parse("Sequence:phases=spin:2ms+sleep:500us+yield:1s")
      )
      expect(asText.program.body).toMatchObject([
        { _tag: "ForDuration", ns: 2e6, body: [{ _tag: "Spin" }] },
        { _tag: "Sleep", ns: 5e5 },
        { _tag: "ForDuration", ns: 1e9, body: [{ _tag: "Yield" }] }
      ])
      const phases = [{ kind: "io", duration: "2 millis" }, "spin:1ms"]
      const asData = yield* WorkTypeRef.resolve(WorkTypeRef.of("Sequence", { phases }))
      expect(asData.program.body).toMatchObject([{ ns: 2e6, body: [{ _tag: "FileWrite" }, {}, {}] }, { ns: 1e6 }])
      const wrong = (phases: unknown) =>
        Effect.map(Effect.flip(WorkTypeRef.resolve(WorkTypeRef.of("Sequence", { phases }))), (error) => error.message)
      expect(yield* wrong("spin:1ms+rest:2ms")).toBe(
        "work type Sequence: phases must be KIND:DURATION with one of spin, sleep, yield, io, got 'rest:2ms'"
      )
      expect(yield* wrong("spin:2h")).toBe(
        "work type Sequence: phases has a phase spin whose duration must be a duration from 1us to 60s, got '2h'"
      )
      expect(yield* wrong([])).toMatch(/must be 1 to 64 phases/)
    })
  )

  it.effect("a cache burst is whole passes, at least so many accesses", () =>
    Effect.gen(function* () {
      const passes = (text: string) =>
        Effect.map(Effect.flatMap(WorkTypeRef.parse(text), WorkTypeRef.resolve), ({ program }) => program.body[0])
      expect(yield* passes("CachePipe")).toMatchObject({ _tag: "Walk", bytes: 32768, stride: 64, passes: 2 })
      expect(yield* passes("CachePipe:size=1M")).toMatchObject({ passes: 1 })
    })
  )

  it.effect("that exchange work in pairs over two channels, both sending before they wait", () =>
    Effect.gen(function* () {
      for (const name of ["PipeIo", "FutexPingPong", "CachePipe"]) {
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
