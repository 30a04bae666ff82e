// How much a plan and a guest take.

import {
  type Assert,
  Backdrop,
  CgroupDef,
  executeDefs,
  executeStepsWith,
  HoldSpec,
  Op,
  ScenarioContext,
  Step,
  TestTopology,
  Topology,
  WorkProgram,
  WorkType
} from "@ktstr/core"
import { Plan } from "@ktstr/core/plan"
import { encodePlan } from "@ktstr/core/protocol"
import { layerWorkTypes } from "@ktstr/core/work"
import { layerBuiltinWorkTypes } from "@ktstr/work-types"
import { Effect, Either, Layer } from "effect"
import { describe, expect, inject, it } from "vitest"
import { runSteps } from "./scenarioRun.ts"

const topology = "1n2l2c1t"

/**
 * Up to sixty-four tasks wait for each CPU, and four CPUs share one stream of instructions: a round takes seconds, and how long each was
 * off CPU means nothing yet. Lost or starved workers still fail.
 */
const crowded: Assert = { maxSpreadPct: false, maxGapMs: 15_000 }

describe("a guest with four CPUs", () => {
  it("runs 256 workers in 64 cgroups for 5 s, and loses none", { timeout: 240_000 }, async () => {
    const { result } = await runSteps({
      topology,
      durationMs: 5000,
      kernel: inject("kernel").image,
      assert: crowded,
      build: (ctx) =>
        executeDefs(
          ctx,
          Array.from({ length: 64 }, (_, index) => CgroupDef.named(ctx.cgroupName(index)).workers(4))
        )
    })
    expect(result.details).toEqual([])
    expect(result.outcome).toBe("pass")
    expect(result.cgroups).toHaveLength(64)
    const workers = result.cgroups.flatMap((cgroup) => cgroup.workers)
    expect(workers).toHaveLength(256)
    expect(new Set(workers.map((worker) => worker.tid)).size).toBe(256)
    for (const worker of workers) {
      expect(worker.completed).toBe(true)
      expect(worker.workUnits).toBeGreaterThan(0)
      expect(worker.cpuTimeNs).toBeGreaterThan(0)
    }
  })

  it("does 10 000 ops of one plan, each on the timeline", { timeout: 240_000 }, async () => {
    const { result } = await runSteps({
      topology,
      durationMs: 1000,
      kernel: inject("kernel").image,
      build: (ctx) =>
        executeStepsWith(
          ctx,
          [
            Step.new(
              Array.from({ length: 10_000 }, (_, i) => Op.SetWeight("a", 1 + i)),
              HoldSpec.FULL
            )
          ],
          {},
          Backdrop.withDefs([CgroupDef.named("a").workers(1), CgroupDef.named("b").workers(1)])
        )
    })
    expect(result.details).toEqual([])
    const ops = result.stimuli.filter((stimulus) => stimulus.kind === "SetWeight")
    expect(ops.map((op) => op.detail)).toEqual(Array.from({ length: 10_000 }, (_, i) => `a ${1 + i}`))
    for (const [index, op] of ops.entries()) expect(op.timeNs).toBeGreaterThanOrEqual(ops[index - 1]?.timeNs ?? 0)
    expect(result.outcome).toBe("pass")
  })

  it("runs a plan of more than 5 MB", { timeout: 240_000 }, async () => {
    // A program of 4000 nodes, in 160 workers.
    const program = WorkProgram.make({ body: Array.from({ length: 4000 }, (_, i) => WorkProgram.spin(1 + (i % 7))) })
    const large = WorkType.custom("Large", program)
    const build = (ctx: ScenarioContext) =>
      executeDefs(ctx, [
        Array.from({ length: 160 }).reduce<CgroupDef>(
          (def) => def.work({ workType: large, workers: 1 }),
          CgroupDef.named("large")
        )
      ])
    const ctx = ScenarioContext.make({
      topo: TestTopology.fromTopology(Either.getOrThrow(Topology.parse(topology))),
      durationMs: 3000
    })
    const plan = Effect.runSync(
      Effect.provide(Plan.compile(build(ctx), ctx), Layer.provideMerge(layerBuiltinWorkTypes, layerWorkTypes))
    )
    expect(encodePlan(plan.commands).length).toBeGreaterThan(5 * 1024 * 1024)
    const { result } = await runSteps({
      topology,
      durationMs: 3000,
      kernel: inject("kernel").image,
      assert: crowded,
      build
    })
    expect(result.details).toEqual([])
    expect(result.outcome).toBe("pass")
    expect(result.cgroups.flatMap((cgroup) => cgroup.workers)).toHaveLength(160)
  })
})
