import { freeHugePages, hugePageShortage } from "@ktstr/native"
import { describe, expect, it } from "vitest"

const mib = 1024 * 1024
const has =
  (host: number, nodes: ReadonlyArray<number> = []) =>
  (node?: number) =>
    node === undefined ? host : (nodes[node] ?? 0)

describe("hugePageShortage", () => {
  it("is none where enough are free", () => {
    expect(hugePageShortage([{ size: 64 * mib }], has(32))).toBeUndefined()
    expect(hugePageShortage([{ size: 32 * mib }, { size: 32 * mib, hostNode: 1 }], has(32, [0, 16]))).toBeUndefined()
  })

  it.each([
    [
      "none",
      [{ size: 64 * mib }],
      has(0),
      "performance_mode: WARNING: no 2MB hugepages available, guest memory will use regular pages"
    ],
    [
      "too few",
      [{ size: 32 * mib }, { size: 34 * mib }],
      has(32),
      "performance_mode: WARNING: need 33 2MB hugepages, only 32 free — falling back to regular pages"
    ],
    [
      "too few on a node",
      [
        { size: 32 * mib, hostNode: 0 },
        { size: 32 * mib, hostNode: 1 }
      ],
      has(64, [60, 4]),
      "performance_mode: WARNING: need 16 2MB hugepages on host NUMA node 1, only 4 free — falling back to regular pages"
    ],
    [
      "none on a node",
      [{ size: 32 * mib, hostNode: 0 }],
      has(64, [0, 64]),
      "performance_mode: WARNING: no 2MB hugepages available on host NUMA node 0, guest memory will use regular pages"
    ],
    [
      "no whole pages",
      [{ size: 63 * mib }],
      has(64),
      "performance_mode: WARNING: a run of 63 MiB of guest memory is not a multiple of 2 MiB, guest memory will use regular pages"
    ]
  ] as const)("tells: %s", (_, segments, free, warning) => {
    expect(hugePageShortage(segments, free)).toBe(warning)
  })

  it("counts this machine's, and none on a node that is not there", () => {
    expect(freeHugePages()).toBeGreaterThanOrEqual(0)
    expect(freeHugePages(4095)).toBe(0)
  })
})
