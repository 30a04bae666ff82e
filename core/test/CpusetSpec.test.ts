import { Either } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { CpuSet } from "../src/topology/CpuSet.ts"
import { CpusetSpec } from "../src/topology/CpusetSpec.ts"
import { TestTopology } from "../src/topology/TestTopology.ts"
import { Topology } from "../src/topology/Topology.ts"

const machine = (cpus: number): TestTopology =>
  TestTopology.fromTopology(Topology.unsafeMake({ numaNodes: 1, llcs: 1, coresPerLlc: cpus, threadsPerCore: 1 }))

const numa = TestTopology.fromTopology(
  Topology.unsafeMake({ nodes: [{ llcs: 1 }, { llcs: 1 }, { llcs: 0 }], coresPerLlc: 2, threadsPerCore: 1 })
)

const resolved = (spec: CpusetSpec, topology: TestTopology): CpuSet =>
  Either.getOrThrowWith(CpusetSpec.resolve(spec, topology), (error) => error)

describe("CpusetSpec", () => {
  it.each([
    ["cg_0", CpusetSpec.Disjoint(0, 8), "not enough usable CPUs (4) for 8 partitions"],
    ["cg_1", CpusetSpec.Disjoint(3, 3), "index 3 >= partition count 3"],
    ["cg_1", CpusetSpec.Overlap(3, 3, 0.5), "index 3 >= partition count 3"],
    ["cg_2", CpusetSpec.Range(-1, 0.5), "Range fracs must lie in [0.0, 1.0]: start_frac=-1, end_frac=0.5"],
    ["cg_2", CpusetSpec.Range(0, 1.5), "Range fracs must lie in [0.0, 1.0]: start_frac=0, end_frac=1.5"],
    ["cg_2", CpusetSpec.Range(Number.NaN, 1), "Range fracs must be finite: start_frac=NaN, end_frac=1"],
    ["cg_2", CpusetSpec.Range(0.5, 0.5), "Range start_frac must be < end_frac: start_frac=0.5, end_frac=0.5"],
    ["cg_2", CpusetSpec.Range(0, 0.1), "Range holds no CPU of the 4 usable CPUs: start_frac=0, end_frac=0.1"],
    ["cg_3", CpusetSpec.Overlap(0, 2, 2), "Overlap frac must lie in [0.0, 1.0]: frac=2"],
    ["cg_3", CpusetSpec.Overlap(0, 2, Number.POSITIVE_INFINITY), "Overlap frac must be finite: frac=Infinity"],
    ["cg_4", CpusetSpec.Disjoint(0, 0), "partition count must be a whole number of at least 1, got 0"],
    ["cg_4", CpusetSpec.Disjoint(-1, 2), "index must be a whole number of at least 0, got -1"],
    ["cg_5", CpusetSpec.Llc(1), "LLC index 1 >= LLC count 1"],
    ["cg_6", CpusetSpec.Numa(1), "NUMA node 1 is not in the topology (nodes 0)"],
    ["cg_7", CpusetSpec.Exact([]), "Exact cpuset is empty"],
    ["cg_7", CpusetSpec.Exact([0, 9]), "Exact cpuset 0,9 names CPUs that are not in the topology: 9 (there are 0-4)"]
  ])("words the error of %s %j", (cgroup, spec, expected) => {
    const error = Either.getOrThrow(Either.flip(CpusetSpec.validate(spec, machine(5), cgroup)))
    expect(error.message).toBe(`cgroup '${cgroup}': CpusetSpec validation failed: ${expected}`)
  })

  it("names no cgroup when it is validated on its own", () => {
    const error = Either.getOrThrow(Either.flip(CpusetSpec.validate(CpusetSpec.Disjoint(3, 3), machine(5))))
    expect(error.message).toBe("CpusetSpec validation failed: index 3 >= partition count 3")
  })

  it("gives LLCs and nodes whole", () => {
    expect(resolved(CpusetSpec.Llc(1), numa).toString()).toBe("2-3")
    expect(resolved(CpusetSpec.Numa(1), numa).toString()).toBe("2-3")
    const memoryOnly = Either.getOrThrow(Either.flip(CpusetSpec.resolve(CpusetSpec.Numa(2), numa)))
    expect(memoryOnly.message).toContain("NUMA node 2 has memory only, no CPUs")
  })

  it("partitions cover the usable CPUs, disjoint, and differ by one at most", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 64 }), (cpus, of) => {
        const topology = machine(cpus)
        fc.pre(of <= topology.usableCpus.size)
        const parts = Array.from({ length: of }, (_, index) => resolved(CpusetSpec.Disjoint(index, of), topology))
        const sizes = parts.map((part) => part.size)
        expect(sizes.reduce((a, b) => a + b, 0)).toBe(topology.usableCpus.size)
        expect(CpuSet.unionAll(parts).toString()).toBe(topology.usableCpus.toString())
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      })
    )
  })

  it("neighbouring ranges cover the usable CPUs, disjoint", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 128 }), fc.integer({ min: 1, max: 99 }), (cpus, percent) => {
        const topology = machine(cpus)
        const parts = [CpusetSpec.Range(0, percent / 100), CpusetSpec.Range(percent / 100, 1)]
          .map((spec) => CpusetSpec.resolve(spec, topology))
          .filter(Either.isRight)
          .map((part) => part.right)
        expect(parts.reduce((sum, part) => sum + part.size, 0)).toBe(topology.usableCpus.size)
        expect(CpuSet.unionAll(parts).toString()).toBe(topology.usableCpus.toString())
      })
    )
  })

  it("counts no CPU short for a binary fraction", () => {
    expect(resolved(CpusetSpec.Range(0, 0.29), machine(101)).size).toBe(29)
  })

  it("overlaps contain their partition, and are it for frac 0", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 64 }),
        fc.integer({ min: 1, max: 8 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (cpus, of, frac) => {
          const topology = machine(cpus)
          fc.pre(of <= topology.usableCpus.size)
          for (let index = 0; index < of; index++) {
            const part = resolved(CpusetSpec.Disjoint(index, of), topology)
            const wide = resolved(CpusetSpec.Overlap(index, of, frac), topology)
            expect(part.isSubsetOf(wide)).toBe(true)
            expect(wide.isSubsetOf(topology.usableCpus)).toBe(true)
            if (frac === 0) expect(wide.toString()).toBe(part.toString())
          }
        }
      )
    )
  })
})
