import { Either } from "effect"
import { describe, expect, it } from "vitest"
import { nodeMemoryMb, placeRam } from "../src/topology/GuestRam.ts"
import { Topology } from "../src/topology/Topology.ts"

const mib = 1024 * 1024

describe("nodeMemoryMb", () => {
  const uneven = (memory: ReadonlyArray<number | undefined>): Topology =>
    Topology.unsafeMake({ nodes: memory.map((memoryMb) => ({ llcs: 1, memoryMb })), coresPerLlc: 1, threadsPerCore: 1 })

  it("shares what is not fixed, the first taking the remainder", () => {
    expect(nodeMemoryMb(uneven([undefined, undefined, undefined]), 1000)).toEqual(Either.right([334, 333, 333]))
    expect(nodeMemoryMb(uneven([undefined, 300, undefined]), 1001)).toEqual(Either.right([351, 300, 350]))
    expect(nodeMemoryMb(uneven([512, 256]), 768)).toEqual(Either.right([512, 256]))
  })

  it("refuses what does not add up", () => {
    for (const [memory, total] of [
      [[512, 256], 1024],
      [[512, undefined], 512],
      [[undefined], 0],
      [[undefined], 1.5]
    ] as const) {
      expect(Either.isLeft(nodeMemoryMb(uneven(memory), total))).toBe(true)
    }
  })
})

describe("placeRam", () => {
  it("splits the node that meets the hole", () => {
    expect(placeRam([1024, 2048], 2048 * mib)).toEqual([
      { address: 0, size: 1024 * mib, node: 0, offset: 0 },
      { address: 1024 * mib, size: 1024 * mib, node: 1, offset: 0 },
      { address: 2 ** 32, size: 1024 * mib, node: 1, offset: 1024 * mib }
    ])
  })
})
