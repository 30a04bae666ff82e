import { Either } from "effect"
import { describe, expect, it } from "vitest"
import { CpuSet } from "../src/topology/CpuSet.ts"
import { Presets } from "../src/topology/Presets.ts"
import { TestTopology } from "../src/topology/TestTopology.ts"
import { Topology } from "../src/topology/Topology.ts"

const of = (text: string): TestTopology => TestTopology.fromTopology(Either.getOrThrow(Topology.parse(text)))

describe("TestTopology", () => {
  it("leaves the last CPU to the root cgroup when there are more than 2", () => {
    expect(of("1n1l4c1t").usableCpus.toString()).toBe("0-2")
    expect(of("1n1l2c1t").usableCpus.toString()).toBe("0-1")
    expect(of("1n1l1c1t").usableCpus.toString()).toBe("0")
  })

  it("knows LLCs, cores and nodes", () => {
    const topology = of("2n4l2c2t")
    expect(topology.splitByLlc().map(String)).toEqual(["0-3", "4-7", "8-11", "12-15"])
    expect(topology.llcs[1]?.cores.map(String)).toEqual(["4-5", "6-7"])
    expect(topology.numaCpus(1).toString()).toBe("8-15")
    expect(topology.nodesForCpuset(CpuSet.of(7, 8))).toEqual([0, 1])
    expect(topology.distance(0, 1)).toBe(20)
    expect(topology.distance(0, 7)).toBe(255)
  })

  it("makes overlapping sets", () => {
    const sets = of("1n1l9c1t").overlapping(2, 0.5).map(String)
    expect(sets).toEqual(["0-5", "2-7"])
  })

  it("knows memory-only nodes", () => {
    const topology = TestTopology.fromTopology(
      Topology.unsafeMake({ nodes: [{ llcs: 1 }, { llcs: 0, memoryMb: 64 }], coresPerLlc: 2, threadsPerCore: 1 })
    )
    expect([topology.isMemoryOnly(0), topology.isMemoryOnly(1), topology.isMemoryOnly(2)]).toEqual([false, true, false])
    expect(topology.nodeMeminfo(1)).toBe(65536)
  })

  it("is the same from a spec and from the sysfs of its guest", () => {
    for (const { topology } of Presets.all.slice(0, 8)) {
      const spec = TestTopology.fromTopology(topology)
      const sysfs = TestTopology.fromSysfs({
        cpus: [...topology.allCpus].map((cpu) => {
          const place = topology.place(cpu)
          return {
            cpu,
            node: place.node,
            package: place.node,
            coreId: place.llc * topology.coresPerLlc + place.core,
            llcId: place.llc * topology.cpusPerLlc
          }
        }),
        nodes: topology.nodes.map((node) => ({
          node: node.index,
          cpulist: topology.cpusInNode(node.index).toString(),
          memTotalKb: 1024,
          distances: topology.distances[node.index]!
        }))
      })
      expect(JSON.stringify(sysfs.llcs)).toBe(JSON.stringify(spec.llcs))
      expect(sysfs.usableCpus.toString()).toBe(spec.usableCpus.toString())
      expect(sysfs.distance(0, 0)).toBe(10)
    }
  })

  it("numbers distances by node, not by position", () => {
    const node = (number: number, distances: ReadonlyArray<number>) => ({
      node: number,
      cpulist: `${number}`,
      memTotalKb: 1,
      distances
    })
    const topology = TestTopology.fromSysfs({ cpus: [], nodes: [node(0, [10, 31]), node(2, [31, 10])] })
    expect([topology.distance(0, 2), topology.distance(2, 2), topology.distance(0, 1)]).toEqual([31, 10, 255])
  })
})

describe("Presets", () => {
  it("are the 24 of the gauntlet", () => {
    expect(Presets.all).toHaveLength(24)
    expect(new Set(Presets.all.map((preset) => preset.name)).size).toBe(24)
    expect(Presets.all.filter((preset) => preset.smt)).toHaveLength(10)
    expect(Math.max(...Presets.all.map((preset) => preset.topology.cpus))).toBe(252)
    expect(`${Either.getOrThrow(Presets.find("numa4-12llc")).topology}`).toBe("4n12l8c2t")
  })

  it("suggest the nearest", () => {
    const error = Either.getOrThrow(Either.flip(Presets.find("tiny-2lc")))
    expect(error.message).toBe("unknown topology preset 'tiny-2lc'; did you mean 'tiny-2llc'?")
  })
})
