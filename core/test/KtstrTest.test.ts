import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Layer } from "effect"
import {
  CgroupDef,
  executeStepsWith,
  HoldSpec,
  KtstrTest,
  type KtstrTestOptions,
  Step,
  Topology
} from "../src/index.ts"
import type { ResolvedKernel } from "../src/kernel/index.ts"
import { Payload } from "../src/payload/Payload.ts"
import { layerScenarios } from "../src/scenario/index.ts"
import { Op } from "../src/scenario/Op.ts"
import { ScenarioProgram } from "../src/scenario/Program.ts"
import type { ScenarioInput } from "../src/test/index.ts"

const kernel: ResolvedKernel = { image: "/k", vmlinux: undefined, version: "7.3", key: undefined, origin: "--kernel" }

const make = (options: KtstrTestOptions, scenario: ScenarioInput = "steady", name = "t") =>
  Either.getOrThrowWith(KtstrTest.make(name, options, scenario), (error) => error)

const refused = (options: object, name = "t") => {
  const made = KtstrTest.make(name, options, "steady")
  if (Either.isRight(made)) throw new Error("accepted")
  expect(made.left.message).not.toContain("\n")
  return made.left.message
}

const step = Step.withDefs([CgroupDef.named("a")], HoldSpec.FULL)

describe("KtstrTest.make", () => {
  it("defaults to 1n1l2c1t, 2 s", () => {
    const test = make({})
    expect(test.topology.toString()).toBe("1n1l2c1t")
    expect(test.durationMs).toBe(2000)
  })

  it("takes a topology as text, as value, or by single dimensions", () => {
    expect(make({ topology: "2n4l2c2t" }).topology.toString()).toBe("2n4l2c2t")
    const value = Topology.unsafeMake({ numaNodes: 1, llcs: 3, coresPerLlc: 1, threadsPerCore: 1 })
    expect(make({ topology: value }).topology).toBe(value)
    expect(make({ llcs: 2, threads: 2 }).topology.toString()).toBe("1n2l2c2t")
  })

  it("names what is wrong with an option", () => {
    expect(refused({ topology: "1n2l" })).toMatch(/^test 't': topology '1n2l': cores.*missing/)
    expect(refused({ topology: "1n1l1c1t", llcs: 2 })).toBe(
      "test 't': topology and llcs are both given; give one of them"
    )
    expect(refused({ durationS: 0 })).toBe("test 't': durationS must be a number of seconds greater than 0, got 0")
    expect(refused({ durationS: Number.NaN })).toMatch(/durationS .* got NaN/)
    expect(refused({ workersPerCgroup: 1.5 })).toMatch(/workersPerCgroup must be a whole number of at least 1, got 1.5/)
    expect(refused({ watchdogTimeoutS: 31 })).toMatch(
      /watchdogTimeoutS must be a number of seconds from 0.1 to 30, got 31/
    )
    expect(refused({ maxSpredPct: 3 })).toMatch(/unknown option 'maxSpredPct'; did you mean 'maxSpreadPct'\?/)
    expect(refused({}, " ")).toMatch(/the name must be one line/)
  })

  it("tells demos by their name", () => {
    expect(KtstrTest.isDemo(make({}, "steady", "demo_crash"))).toBe(true)
    expect(KtstrTest.isDemo(make({}))).toBe(false)
  })

  it.each([
    [{ minLlcs: 2 }, /needs at least 2 LLCs; topology 1n1l2c1t has 1/],
    [{ maxCpus: 1 }, /takes at most 1 CPUs; topology 1n1l2c1t has 2/],
    [{ requiresSmt: true }, /more than one thread per core/]
  ])("does not fit %j", (constraints, reason) => {
    expect(KtstrTest.unmet(make({ constraints }))).toMatch(reason)
  })

  it("fits when nothing is asked", () => {
    expect(KtstrTest.unmet(make({}))).toBeUndefined()
  })
})

it.layer(Layer.merge(layerScenarios, NodeContext.layer))("KtstrTest.request", (it) => {
  it.effect("puts the checks into the test's layer and the rest beside it", () =>
    Effect.gen(function* () {
      const test = make({
        maxSpreadPct: 20,
        isolation: true,
        notStarved: undefined,
        memoryMb: 512,
        seed: 7,
        bootTimeoutS: 3
      })
      const request = yield* KtstrTest.request(test, kernel)
      expect(request).toMatchObject({
        kernel,
        durationMs: 2000,
        workersPerCgroup: 2,
        memoryMb: 512,
        seed: 7,
        bootTimeoutMs: 3000,
        kargs: [],
        expectError: undefined
      })
      expect(request.assert).toEqual({ maxSpreadPct: 20, isolation: true })
    })
  )

  it.effect("takes every form of a scenario", () =>
    Effect.gen(function* () {
      const forms: ReadonlyArray<ScenarioInput> = [
        step,
        [step],
        () => step,
        () => [step],
        () => Effect.succeed([step]),
        (ctx) => executeStepsWith(ctx, [step], {})
      ]
      for (const form of forms) {
        const { scenario } = yield* KtstrTest.request(make({}, form), kernel)
        expect(scenario.name).toBe("t")
        const built = scenario.build({} as never)
        expect(built).toMatchObject({ steps: [step] })
      }
      const canned = yield* KtstrTest.request(make({}, "steady", "mine"), kernel)
      expect(canned.scenario.name).toBe("mine")
    })
  )

  it.effect("runs its payloads beside steps that do not start them", () =>
    Effect.gen(function* () {
      const fio = Payload.make("fio", { binary: "fio" })
      const noise = Payload.make("noise", { binary: "stress-ng" })
      const started = (input: ScenarioInput) =>
        Effect.map(
          KtstrTest.request(make({ payload: fio, workloads: [noise] }, input), kernel),
          ({ includes, scenario }) => {
            expect(includes).toEqual(["fio", "stress-ng"])
            const built = scenario.build({} as never)
            return built instanceof ScenarioProgram ? [] : built.backdrop.ops.map((op) => Op.describe(op))
          }
        )
      expect(yield* started([step])).toEqual(["fio", "noise"])
      expect(yield* started([step.setOps([Op.RunPayload(fio, { cgroup: "a" })])])).toEqual(["noise"])
      expect(yield* started([step.setDefs([CgroupDef.named("a").payload(noise)])])).toEqual(["fio"])
    })
  )

  it.effect("gives the scenario the machine it will run on", () =>
    Effect.gen(function* () {
      const test = make({ llcs: 3, workersPerCgroup: 5 }, (ctx) => {
        expect(ctx.topo.llcs).toHaveLength(3)
        expect(ctx.workersPerCgroup).toBe(5)
        return [step]
      })
      yield* KtstrTest.request(test, kernel)
      expect.assertions(2)
    })
  )

  it.effect("says which test's scenario is wrong", () =>
    Effect.gen(function* () {
      const thrown = yield* Effect.flip(
        KtstrTest.request(
          make({}, () => {
            throw new Error("no CPUs")
          }),
          kernel
        )
      )
      expect(thrown.message).toMatch(
        /^test 't': its scenario could not be built: no CPUs \(.*KtstrTest\.test\.ts:\d+:\d+\)$/
      )
      const failed = yield* Effect.flip(
        KtstrTest.request(
          make({}, () => Effect.fail(new Error("no"))),
          kernel
        )
      )
      expect(failed.message).toMatch(/^test 't': its scenario could not be built: no( \(.*\))?$/)
      const unknown = yield* Effect.flip(KtstrTest.request(make({}, "stedy"), kernel))
      expect(unknown.message).toMatch(/unknown scenario 'stedy'; did you mean 'steady'/)
    })
  )
})
