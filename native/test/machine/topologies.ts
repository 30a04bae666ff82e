// Topologies the machine's structures are tried with: the presets, and nodes that differ.

import { Topology } from "@ktstr/core"
import { Presets } from "@ktstr/core/topology"
import * as fc from "fast-check"

export const presets: ReadonlyArray<readonly [string, Topology]> = Presets.all.map((p) => [p.name, p.topology])

const uneven: ReadonlyArray<readonly [string, Topology]> = [
  [
    "memory-only node",
    Topology.unsafeMake({
      nodes: [
        { llcs: 2, latencyNs: 90, bandwidthMbps: 40000 },
        { llcs: 0, memoryMb: 256, latencyNs: 250, bandwidthMbps: 9000 }
      ],
      coresPerLlc: 2,
      threadsPerCore: 2
    })
  ],
  [
    "memory-only node without numbers, first",
    Topology.unsafeMake({ nodes: [{ llcs: 0 }, { llcs: 1 }, { llcs: 3 }], coresPerLlc: 3, threadsPerCore: 1 })
  ],
  [
    "four nodes with distances and a wide range of latencies",
    Topology.unsafeMake({
      nodes: [
        { llcs: 1, latencyNs: 1 },
        { llcs: 2, latencyNs: 100_000 },
        { llcs: 1 },
        { llcs: 0, bandwidthMbps: 2_000_000 }
      ],
      coresPerLlc: 4,
      threadsPerCore: 2,
      distances: [
        [10, 12, 30, 40],
        [12, 10, 30, 254],
        [30, 30, 10, 17],
        [40, 254, 17, 10]
      ]
    })
  ],
  // The last package's number is the 256 that makes an APIC id one beyond 8 bits.
  [
    "APIC ids beyond 8 bits on few CPUs",
    Topology.unsafeMake({
      nodes: [{ llcs: 17 }, ...Array.from({ length: 8 }, () => ({ llcs: 1 }))],
      coresPerLlc: 1,
      threadsPerCore: 1
    })
  ]
]

export const topologies: ReadonlyArray<readonly [string, Topology]> = [
  ...presets,
  ...uneven,
  ["one CPU", Topology.unsafeMake({ numaNodes: 1, llcs: 1, coresPerLlc: 1, threadsPerCore: 1 })],
  ["one CPU a node", Topology.unsafeMake({ numaNodes: 3, llcs: 3, coresPerLlc: 1, threadsPerCore: 1 })]
]

/** Any mixture of nodes, at least one with CPUs. */
export const anyTopology: fc.Arbitrary<Topology> = fc
  .record({
    nodes: fc
      .array(
        fc.record({
          llcs: fc.integer({ min: 0, max: 5 }),
          latencyNs: fc.option(fc.integer({ min: 1, max: 1_000_000 }), { nil: undefined }),
          bandwidthMbps: fc.option(fc.integer({ min: 1, max: 10_000_000 }), { nil: undefined })
        }),
        { minLength: 1, maxLength: 6 }
      )
      .filter((nodes) => nodes.some((node) => node.llcs > 0)),
    coresPerLlc: fc.integer({ min: 1, max: 9 }),
    threadsPerCore: fc.integer({ min: 1, max: 4 })
  })
  .map((options) => Topology.unsafeMake(options))
