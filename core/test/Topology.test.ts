import { Either } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { CpuSet } from "../src/topology/CpuSet.ts"
import { Topology } from "../src/topology/Topology.ts"

const message = (result: Either.Either<unknown, { readonly message: string }>): string =>
  Either.isLeft(result) ? result.left.message : "no error"

const small = fc.record({
  numaNodes: fc.integer({ min: 1, max: 4 }),
  llcsPerNode: fc.integer({ min: 1, max: 4 }),
  coresPerLlc: fc.integer({ min: 1, max: 8 }),
  threadsPerCore: fc.integer({ min: 1, max: 2 })
})

const make = (o: typeof small extends fc.Arbitrary<infer A> ? A : never): Topology =>
  Topology.unsafeMake({ ...o, llcs: o.numaNodes * o.llcsPerNode })

describe("Topology", () => {
  it("reads both text forms", () => {
    for (const text of ["1n2l4c2t", " 1N2L4C2T ", "1,2,4,2", "1, 2, 4, 2"]) {
      const topology = Either.getOrThrow(Topology.parse(text))
      expect([topology.numaNodes, topology.llcs, topology.coresPerLlc, topology.threadsPerCore]).toEqual([1, 2, 4, 2])
      expect(topology.cpus).toBe(16)
      expect(`${topology}`).toBe("1n2l4c2t")
    }
  })

  it("reads what it writes", () => {
    fc.assert(
      fc.property(small, (o) => {
        const text = make(o).toString()
        expect(Either.getOrThrow(Topology.parse(text)).toString()).toBe(text)
      })
    )
  })

  it("reads what it writes of nodes that differ", () => {
    const llcs = fc
      .array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 4 })
      .filter((counts) => counts.some((count) => count > 0))
    fc.assert(
      fc.property(llcs, fc.integer({ min: 1, max: 4 }), (counts, coresPerLlc) => {
        const nodes = counts.map((count) => ({ llcs: count }))
        const topology = Topology.unsafeMake({ nodes, coresPerLlc, threadsPerCore: 2 })
        const read = Either.getOrThrow(Topology.parse(`${topology}`))
        expect(read.nodes).toEqual(topology.nodes)
        expect(`${read}`).toBe(`${topology}`)
      })
    )
  })

  it("never throws on any text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9nlct,]*(\[[0-9+]*\])?$/)), (text) => {
        const parsed = Topology.parse(text)
        expect(Either.isLeft(parsed) ? parsed.left.message.length : parsed.right.cpus).toBeGreaterThan(0)
      })
    )
  })

  it.each([
    ["0n1l1c1t", "topology '0n1l1c1t': numaNodes is 0; every field must be a whole number of at least 1"],
    ["1n1l0c1t", "topology '1n1l0c1t': coresPerLlc is 0; every field must be a whole number of at least 1"],
    ["2n3l1c1t", "topology '2n3l1c1t': 3 LLCs do not divide over 2 NUMA nodes; llcs must be a multiple of numaNodes"],
    ["2n1l1c1t", "topology '2n1l1c1t': 1 LLC does not divide over 2 NUMA nodes; llcs must be a multiple of numaNodes"],
    [
      "1n2l",
      "topology '1n2l': cores per LLC (c) and threads per core (t) are missing; write NnNlNcNt, for example 1n2l4c2t, or N,L,C,T, for example 1,2,4,2"
    ],
    [
      "1,2,4",
      "topology '1,2,4': it has 3 fields, not 4; write NnNlNcNt, for example 1n2l4c2t, or N,L,C,T, for example 1,2,4,2"
    ],
    [
      "1,2,x,1",
      "topology '1,2,x,1': 'x' is not a whole number; write NnNlNcNt, for example 1n2l4c2t, or N,L,C,T, for example 1,2,4,2"
    ],
    [
      "two nodes",
      "topology 'two nodes': it is not a topology; write NnNlNcNt, for example 1n2l4c2t, or N,L,C,T, for example 1,2,4,2"
    ],
    ["", "topology '': it is empty; write NnNlNcNt, for example 1n2l4c2t, or N,L,C,T, for example 1,2,4,2"],
    ["2n1l1c1t[1]", "topology '2n1l1c1t[1]': its list comes to 1n1l, not 2n1l; make the numbers agree"],
    ["2n2l1c1t[1+0]", "topology '2n2l1c1t[1+0]': its list comes to 2n1l, not 2n2l; make the numbers agree"],
    ["2n1l1c1t[1+]", "topology '2n1l1c1t[1+]': '' in its list of LLCs is not a whole number; write it as [2+1+0]"],
    ["2n0l1c1t[0+0]", "topology '2n0l1c1t[0+0]': no NUMA node has an LLC; at least one needs CPUs"],
    ["1n1l9000c1t", "topology '1n1l9000c1t': it has 9000 CPUs; at most 8192 are possible"]
  ])("refuses %s", (text, expected) => {
    expect(message(Topology.parse(text))).toBe(expected)
  })

  it("numbers CPUs thread fastest, then core, then LLC", () => {
    const topology = Either.getOrThrow(Topology.parse("2n4l2c2t"))
    expect(topology.place(0)).toEqual({ cpu: 0, node: 0, llc: 0, core: 0, thread: 0 })
    expect(topology.place(1)).toEqual({ cpu: 1, node: 0, llc: 0, core: 0, thread: 1 })
    expect(topology.place(2)).toEqual({ cpu: 2, node: 0, llc: 0, core: 1, thread: 0 })
    expect(topology.place(4)).toEqual({ cpu: 4, node: 0, llc: 1, core: 0, thread: 0 })
    expect(topology.place(8)).toEqual({ cpu: 8, node: 1, llc: 2, core: 0, thread: 0 })
    expect(() => topology.place(16)).toThrow(RangeError)
  })

  it("puts every CPU in exactly one LLC and one node", () => {
    fc.assert(
      fc.property(small, (o) => {
        const topology = make(o)
        const llcs = Array.from({ length: topology.llcs }, (_, llc) => topology.cpusInLlc(llc))
        const nodes = topology.nodes.map((node) => topology.cpusInNode(node.index))
        for (const parts of [llcs, nodes]) {
          expect(parts.reduce((sum, part) => sum + part.size, 0)).toBe(topology.cpus)
          expect(CpuSet.unionAll(parts).toString()).toBe(topology.allCpus.toString())
        }
        for (const cpu of topology.allCpus) {
          expect(llcs[topology.place(cpu).llc]?.has(cpu)).toBe(true)
          expect(nodes[topology.place(cpu).node]?.has(cpu)).toBe(true)
        }
      })
    )
  })

  it("takes nodes that differ, memory-only ones included", () => {
    const topology = Topology.unsafeMake({
      nodes: [{ llcs: 2 }, { llcs: 1, memoryMb: 512 }, { llcs: 0, memoryMb: 1024 }],
      coresPerLlc: 2,
      threadsPerCore: 1
    })
    expect(`${topology}`).toBe("3n3l2c1t[2+1+0]")
    expect(topology.isUniform).toBe(false)
    expect(topology.cpusInNode(1).toString()).toBe("4-5")
    expect(topology.cpusInNode(2).isEmpty).toBe(true)
    expect(topology.nodeOfLlc(2)).toBe(1)
    expect(topology.distances).toEqual([
      [10, 20, 20],
      [20, 10, 20],
      [20, 20, 10]
    ])
  })

  it.each([
    [[{ llcs: 0 }], undefined, "no NUMA node has an LLC; at least one needs CPUs"],
    [[{ llcs: -1 }], undefined, "node 0 has -1 LLCs; it must be a whole number (0: memory only)"],
    [[{ llcs: 1, memoryMb: 0 }], undefined, "node 0 has 0 MiB of memory; it must be a whole number of at least 1"],
    [[], undefined, "the list of NUMA nodes is empty; give at least one"],
    [[{ llcs: 1 }, { llcs: 1 }], [[10, 20]], "the distances have rows of 2 entries; they must be 2 rows of 2"],
    [
      [{ llcs: 1 }, { llcs: 1 }],
      [
        [10, 20],
        [21, 10]
      ],
      "distance 0,1 is 20 but 1,0 is 21; distances must be symmetric"
    ],
    [
      [{ llcs: 1 }, { llcs: 1 }],
      [
        [11, 20],
        [20, 10]
      ],
      "distance 0,0 is 11; a node is 10 from itself"
    ],
    [
      [{ llcs: 1 }, { llcs: 1 }],
      [
        [10, 10],
        [10, 10]
      ],
      "distance 0,1 is 10; between two nodes it must be a whole number from 11 to 254"
    ]
  ])("refuses nodes %j with distances %j", (nodes, distances, expected) => {
    expect(message(Topology.make({ nodes, distances, coresPerLlc: 1, threadsPerCore: 1 }))).toContain(expected)
  })
})
