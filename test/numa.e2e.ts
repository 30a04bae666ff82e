// Memory policies of workers, judged by where the kernel says their pages are.
import {
  type Assert,
  Backdrop,
  CgroupDef,
  CpusetSpec,
  executeDefs,
  executeStepsWith,
  HoldSpec,
  MemPolicy,
  Op,
  type Scenario,
  Step,
  WorkProgram,
  WorkType
} from "@ktstr/core"
import { beforeAll, describe, expect, inject, it } from "vitest"
import { runSteps, type ScenarioRun } from "./scenarioRun.ts"

const topology = "2n4l2c1t"
const pages = 8192

/** Touches its memory once, then spins. */
const resident = WorkType.custom(
  "Resident",
  WorkProgram.make({
    setup: [WorkProgram.map(0, pages * 4096, { noHugePages: true }), WorkProgram.touch(0, pages)],
    body: [WorkProgram.spin(1024)]
  })
)

describe(`memory policies on ${topology}`, () => {
  let run: ScenarioRun
  /** Share of a worker's pages on each of the two nodes. */
  const shares = (cgroup: string): ReadonlyArray<readonly [number, number]> =>
    (run.result.cgroups.find((found) => found.name === cgroup)?.workers ?? []).map(({ numaPages }) => {
      const of = (node: number) => numaPages.find((entry) => entry.node === node)?.pages ?? 0
      const total = of(0) + of(1)
      expect(total).toBeGreaterThanOrEqual(pages)
      return [of(0) / total, of(1) / total] as const
    })

  beforeAll(async () => {
    const bound = (name: string, node: number, policy: MemPolicy) =>
      CgroupDef.named(name).workers(2).workType(resident).withCpuset(CpusetSpec.Numa(node)).memPolicy(policy)
    run = await runSteps({
      topology,
      durationMs: 4000,
      kernel: inject("kernel").image,
      // The workers spend their time in page faults first, which the emulator makes slow.
      assert: { notStarved: false, isolation: true },
      build: (ctx) =>
        executeDefs(ctx, [
          bound("bind1", 1, MemPolicy.Bind(1)),
          bound("bind0", 0, MemPolicy.Bind(0)),
          CgroupDef.named("interleave").workers(1).workType(resident).memPolicy(MemPolicy.Interleave(0, 1))
        ])
    })
  })

  it("ran to its end", () => {
    expect(run.result.details).toEqual([])
    expect(run.result.outcome).toBe("pass")
    expect(run.result.topology.guest?.summary).toBe(topology)
  })

  it("Bind has at least 95 % of the pages on its node", () => {
    const onNode1 = shares("bind1")
    const onNode0 = shares("bind0")
    expect(onNode1).toHaveLength(2)
    expect(onNode0).toHaveLength(2)
    for (const [, share] of onNode1) expect(share).toBeGreaterThanOrEqual(0.95)
    for (const [share] of onNode0) expect(share).toBeGreaterThanOrEqual(0.95)
  })

  it("Interleave spreads them evenly", () => {
    for (const [share] of shares("interleave")) expect(Math.abs(share - 0.5)).toBeLessThan(0.05)
  })

  it("a node outside the cpuset is refused at set-up, before a machine starts", async () => {
    const refused = runSteps({
      topology,
      durationMs: 1000,
      kernel: inject("kernel").image,
      build: (ctx) =>
        executeDefs(ctx, [CgroupDef.named("cg_0").withCpuset(CpusetSpec.Numa(0)).memPolicy(MemPolicy.Bind(1))])
    })
    await expect(refused).rejects.toThrow(
      "cgroup 'cg_0': memory policy Bind: NUMA nodes 1 are not covered by cpuset 0-3 (nodes 0)"
    )
  })
})

describe.concurrent("checks of pages and nodes", () => {
  // Node 2 has memory only.
  const topology = "3n4l1c1t[2+2+0]"
  const judged = async (assert: Assert, build: Scenario["build"]) => {
    const { result } = await runSteps({
      topology,
      durationMs: 3000,
      kernel: inject("kernel").image,
      // Every worker is moved in mid-run.
      assert: { notStarved: false, ...assert },
      build
    })
    expect(result.topology.guest?.summary).toBe(topology)
    return { outcome: result.outcome, details: result.details }
  }
  const group = (name: string) => CgroupDef.named(name).workers(2).workType(resident)
  type Move = readonly [name: string, from: CpusetSpec, to: CpusetSpec]
  const move =
    (...moves: ReadonlyArray<Move>): Scenario["build"] =>
    (ctx) =>
      executeStepsWith(
        ctx,
        [
          Step.new([], HoldSpec.Frac(0.5)),
          Step.new(
            moves.map(([name, , to]) => Op.SetCpuset(name, to)),
            HoldSpec.Frac(0.5)
          )
        ],
        {},
        Backdrop.withDefs(moves.map(([name, from]) => group(name).withCpuset(from)))
      )
  // Between the LLCs of its node; to another node than the one its pages are on.
  const stays = ["stays", CpusetSpec.Llc(0), CpusetSpec.Llc(1)] as const
  const leaves = ["leaves", CpusetSpec.Numa(0), CpusetSpec.Numa(1)] as const
  const limits: Assert = { minPageLocality: 0.9, maxCrossNodeMigrationRatio: 0.01, maxSlowTierRatio: 0.1 }

  it("pass a cgroup that stays with its pages", async () => {
    expect(await judged(limits, move(stays))).toEqual({ outcome: "pass", details: [] })
  })

  it("fail the one that leaves them, by their names and figures, and not the one beside it", async () => {
    const { details, outcome } = await judged(limits, move(stays, leaves))
    expect(details).toEqual([
      expect.stringMatching(/^cgroup 'leaves': page locality 0(\.00\d+)? \(threshold 0\.9\)$/),
      expect.stringMatching(/^cgroup 'leaves': cross-node migration ratio [01](\.\d+)? \(threshold 0\.01\)$/)
    ])
    expect(outcome).toBe("fail")
  })

  it("fail pages on a node without CPUs", async () => {
    const slow = group("slow").memPolicy(MemPolicy.Bind(2))
    const { details, outcome } = await judged({ maxSlowTierRatio: 0.1 }, (ctx) => executeDefs(ctx, [slow]))
    expect(details).toEqual([expect.stringMatching(/^cgroup 'slow': slow-tier ratio 0\.9[5-9]\d* \(threshold 0\.1\)$/)])
    expect(outcome).toBe("fail")
  })
})
