import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { OptionError } from "../src/base/index.ts"
import {
  Backdrop,
  CgroupDef,
  executeProgram,
  HoldSpec,
  Op,
  Scenario,
  ScenarioContext,
  Scenarios,
  Step,
  TestTopology,
  Topology,
  WorkSpec
} from "../src/index.ts"
import { exitCodeOfError } from "../src/report/index.ts"
import { layerScenarios } from "../src/scenario/index.ts"

const topology = Topology.parse("1n1l2c1t")
if (topology._tag === "Left") throw topology.left
const ctx = ScenarioContext.make({
  topo: TestTopology.fromTopology(topology.right),
  durationMs: 1000,
  workersPerCgroup: 2,
  workTypeOverride: undefined,
  scheduler: undefined
})
const steps = [Step.withDefs([CgroupDef.named("a")], HoldSpec.FULL)]
/** As from JavaScript, whose options no compiler checks. */
const untyped = (options: object): never => options as never

const thrownBy = (make: () => unknown): unknown => {
  try {
    make()
  } catch (error) {
    return error
  }
  throw new Error("it was accepted")
}

describe("options that nothing reads", () => {
  const scenario = { name: "s", description: "", build: () => steps }
  const plain = [untyped({ name: "a", workers: 2 })]

  it.each<readonly [string, () => unknown, string]>([
    [
      "of a scenario",
      () => Scenario.make(untyped({ ...scenario, categroy: "mine" })),
      "scenario 's': unknown option 'categroy'; did you mean 'category'?"
    ],
    [
      "of a scenario's needs",
      () => Scenario.make(untyped({ ...scenario, needs: { llc: 2 } })),
      "scenario 's', needs: unknown option 'llc'; did you mean 'llcs'?"
    ],
    [
      "of a group",
      () => WorkSpec.make(untyped({ wrokers: 2 })),
      "a group of workers: unknown option 'wrokers'; did you mean 'workers'?"
    ],
    [
      "of a cgroup's group",
      () => CgroupDef.named("a").work(untyped({ affinty: 1 })),
      "a group of workers: unknown option 'affinty'; did you mean 'affinity'?"
    ],
    [
      "of a group that an op starts",
      () => Op.Spawn("a", untyped({ schedpolicy: 1 })),
      "a group of workers: unknown option 'schedpolicy'; did you mean 'schedPolicy'?"
    ],
    [
      "of a group in the root",
      () => Op.SpawnHost(untyped({ work: "PipeIo" })),
      "a group of workers: unknown option 'work'; did you mean 'workType'?"
    ],
    [
      "of a program",
      () => executeProgram(ctx, Effect.void, untyped({ limits: 3 })),
      "executeProgram: unknown option 'limits'; did you mean 'limit'?"
    ],
    [
      "in a plain object for a cgroup",
      () => Step.withDefs([CgroupDef.named("b"), ...plain], HoldSpec.FULL),
      "Step.withDefs: cgroup 2 of 2 is no definition: CgroupDef.named(name).workers(count) makes one"
    ],
    [
      "in a plain object for a backdrop's cgroup",
      () => Backdrop.withDefs(plain),
      "Backdrop.withDefs: cgroup 1 of 1 is no definition: CgroupDef.named(name).workers(count) makes one"
    ]
  ])("%s are refused", (_, make, says) => {
    const error = thrownBy(make)
    expect(error).toBeInstanceOf(OptionError)
    expect((error as OptionError).message).toBe(says)
    expect(exitCodeOfError(error)).toBe(64)
  })

  it("of an object of steps are refused, and those that are known count", () => {
    const build = (data: object) => Scenario.make({ ...scenario, build: () => untyped(data) }).build(ctx)
    expect(() => build({ steps, asert: {} })).toThrow(
      "scenario 's' gave an unknown option 'asert'; did you mean 'assert'?"
    )
    expect(build({ steps, cpuHotplug: true })).toMatchObject({ steps, cpuHotplug: true })
  })

  it("of a group named by a text take the work type", () => {
    expect(Op.Spawn("a", untyped({ workType: "PipeIo" }))).toMatchObject({
      work: WorkSpec.make({ workType: "PipeIo" })
    })
  })

  it.effect("of a scenario that is registered as it was written are refused", () =>
    Effect.gen(function* () {
      const { register } = yield* Scenarios
      const error = yield* Effect.flip(register(untyped({ ...scenario, need: {} })))
      expect(error).toMatchObject({
        _tag: "RegistrationError",
        message: "scenario 's': unknown option 'need'; did you mean 'needs'?"
      })
    }).pipe(Effect.provide(layerScenarios))
  )
})
