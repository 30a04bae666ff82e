import { expect, it } from "@effect/vitest"
import { Either } from "effect"
import { instructionNs } from "../src/run/GuestSetup.ts"
import { Topology } from "../src/topology/Topology.ts"

const lengthFor = (topology: string, workers: ReadonlyArray<number>, payloads = 0) =>
  instructionNs(
    { groups: workers.map((count) => ({ workers: count })), payloads: Array.from({ length: payloads }) },
    Either.getOrThrow(Topology.parse(topology))
  )

it("an instruction is the longer the less the CPUs and workers have to do", () => {
  expect(lengthFor("1n1l2c1t", [])).toBe(8)
  expect(lengthFor("1n2l2c1t", [7, 7])).toBe(8)
  expect(lengthFor("1n2l2c1t", [7, 8])).toBe(4)
  expect(lengthFor("1n2l2c1t", [64])).toBe(2)
  expect(lengthFor("1n1l12c1t", [])).toBe(8)
  expect(lengthFor("1n1l13c1t", [])).toBe(4)
})

it("is the default where the need is unknown: with payloads, and on more than 16 CPUs", () => {
  expect(lengthFor("1n1l2c1t", [], 1)).toBe(2)
  expect(lengthFor("1n1l16c1t", [])).toBe(4)
  expect(lengthFor("1n1l17c1t", [])).toBe(1)
})
