import { Duration, Either } from "effect"
import { PCGRandom } from "effect/Utils"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { HoldSpec } from "../src/scenario/HoldSpec.ts"
import { Affinity, type AffinityKind } from "../src/topology/Affinity.ts"
import { CpuSet } from "../src/topology/CpuSet.ts"
import { MemPolicy, MpolFlags } from "../src/topology/MemPolicy.ts"
import { TestTopology } from "../src/topology/TestTopology.ts"
import { Topology } from "../src/topology/Topology.ts"
import { SchedPolicy } from "../src/work/SchedPolicy.ts"

const topology = TestTopology.fromTopology(
  Topology.unsafeMake({ numaNodes: 2, llcs: 4, coresPerLlc: 2, threadsPerCore: 1 })
)

const masks = (kind: AffinityKind, workers: number, allowed: CpuSet) =>
  Either.map(Affinity.resolve(kind, workers, { topology, allowed, random: new PCGRandom(7) }), (resolved) =>
    resolved.map((mask) => mask?.toString())
  )

describe("Affinity", () => {
  it.each([
    [Affinity.Inherit, [undefined, undefined, undefined]],
    [Affinity.CrossCgroup, ["0-7", "0-7", "0-7"]],
    [Affinity.SingleCpu, ["1", "2", "3"]],
    [Affinity.LlcAligned, ["1", "2-3", "4"]],
    [Affinity.Exact([4, 7]), ["4,7", "4,7", "4,7"]]
  ])("resolves %j", (kind, expected) => {
    expect(masks(kind, 3, CpuSet.range(1, 4))).toEqual(Either.right(expected))
  })

  it("goes round when there are more workers than CPUs", () => {
    expect(masks(Affinity.SingleCpu, 5, CpuSet.of(2, 6))).toEqual(Either.right(["2", "6", "2", "6", "2"]))
    expect(masks(Affinity.LlcAligned, 3, CpuSet.range(0, 4))).toEqual(Either.right(["0-1", "2-3", "0-1"]))
  })

  it("draws random subsets of the right size from the cgroup's CPUs", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 5 }), (seed, count) => {
        const allowed = CpuSet.of(0, 2, 3, 5, 7)
        const context = { topology, allowed, random: new PCGRandom(seed) }
        const drawn = Either.getOrThrow(Affinity.resolve(Affinity.RandomSubset(count), 4, context))
        for (const mask of drawn) expect([mask?.size, mask?.isSubsetOf(allowed)]).toEqual([count, true])
      })
    )
  })

  it.each([
    [Affinity.Exact([]), "affinity Exact: it names no CPU"],
    [Affinity.Exact([3, 8]), "affinity Exact(3,8): CPUs 8 are not in the topology (0-7)"],
    [Affinity.Exact([7]), "affinity Exact(7): none of these CPUs is in the cgroup's cpuset 1-4"]
  ])("refuses %j", (kind, expected) => {
    expect(masks(kind, 1, CpuSet.range(1, 4))).toEqual(Either.left(expected))
  })
})

describe("MemPolicy", () => {
  const problem = (policy: MemPolicy, flags = 0, cpuset?: CpuSet) => MemPolicy.problem(policy, flags, topology, cpuset)

  it("has the kernel's numbers", () => {
    const all = [
      MemPolicy.Default,
      MemPolicy.Preferred(0),
      MemPolicy.Bind(0),
      MemPolicy.Interleave(0),
      MemPolicy.Local,
      MemPolicy.PreferredMany(0),
      MemPolicy.WeightedInterleave(0)
    ]
    expect(all.map(MemPolicy.number)).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(MemPolicy.nodes(MemPolicy.Bind(1, 0, 1))).toEqual([0, 1])
  })

  it("accepts what the cpuset covers", () => {
    expect(problem(MemPolicy.Bind(0, 1))).toBeUndefined()
    expect(problem(MemPolicy.Bind(1), MpolFlags.NUMA_BALANCING | MpolFlags.STATIC_NODES, CpuSet.of(4))).toBeUndefined()
    expect(problem(MemPolicy.Local, 0, CpuSet.of(4))).toBeUndefined()
  })

  it.each([
    [MemPolicy.Bind(0), 0, "memory policy Bind: NUMA nodes 0 are not covered by cpuset 4-7 (nodes 1)"],
    [MemPolicy.Interleave(1, 5), 0, "memory policy Interleave: NUMA nodes 5 are not in the topology (nodes 0,1)"],
    [MemPolicy.Bind(), 0, "memory policy Bind: it names no NUMA node"],
    [
      MemPolicy.Bind(1),
      MpolFlags.STATIC_NODES | MpolFlags.RELATIVE_NODES,
      "memory policy Bind: STATIC_NODES and RELATIVE_NODES exclude each other"
    ],
    [
      MemPolicy.Local,
      MpolFlags.NUMA_BALANCING,
      "memory policy Local: NUMA_BALANCING goes with Bind or PreferredMany only"
    ],
    [MemPolicy.Bind(1), 1, "memory policy Bind: flags 0x1 are not all known; use MpolFlags"]
  ])("refuses %j with flags %i", (policy, flags, expected) => {
    expect(problem(policy, flags, CpuSet.range(4, 4))).toBe(expected)
  })
})

describe("SchedPolicy", () => {
  it("has the kernel's numbers and priorities", () => {
    const all = [
      SchedPolicy.Normal,
      SchedPolicy.Fifo(9),
      SchedPolicy.RoundRobin(99),
      SchedPolicy.Batch,
      SchedPolicy.Idle
    ]
    expect([...all, SchedPolicy.Ext].map(SchedPolicy.number)).toEqual([0, 1, 2, 3, 5, 7])
    expect(all.map(SchedPolicy.priority)).toEqual([0, 9, 99, 0, 0])
    expect(all.map(SchedPolicy.problem)).toEqual([undefined, undefined, undefined, undefined, undefined])
    expect(SchedPolicy.problem(SchedPolicy.RoundRobin(100))).toContain("RoundRobin priority is 100")
  })
})

describe("HoldSpec", () => {
  const ns = (spec: HoldSpec, heldNs?: number) => HoldSpec.resolve(spec, 3000, heldNs)

  it("resolves to nanoseconds", () => {
    expect(ns(HoldSpec.FULL)).toEqual(Either.right(3e9))
    expect(ns(HoldSpec.Frac(1 / 3))).toEqual(Either.right(1e9))
    expect(ns(HoldSpec.Fixed("20 millis"))).toEqual(Either.right(2e7))
    expect(ns(HoldSpec.Loop("20 millis"), 1e9)).toEqual(Either.right(2e9))
    expect(ns(HoldSpec.Loop("20 millis", 0.5), 1e9)).toEqual(Either.right(1.5e9))
  })

  it.each([
    [HoldSpec.Frac(Number.NaN), "HoldSpec: Frac fraction must lie in [0.0, 1.0], got NaN"],
    [HoldSpec.Frac(-0.5), "HoldSpec: Frac fraction must lie in [0.0, 1.0], got -0.5"],
    [HoldSpec.Fixed(Duration.infinity), "HoldSpec: Fixed needs a finite duration"],
    [HoldSpec.Loop(Duration.infinity), "HoldSpec: Loop interval must be longer than 0 and finite, got Infinity"]
  ])("refuses %j", (spec, expected) => {
    expect(Either.getOrThrow(Either.flip(ns(spec))).message).toBe(expected)
  })
})
