import { expect, it } from "@effect/vitest"
import { Either } from "effect"
import { describe } from "vitest"
import { machineCommandLine, maxCommandLine } from "../../src/kernel/CommandLine.ts"
import type { VmSpec } from "../../src/machine/Vmm.ts"
import { Topology } from "../../src/topology/Topology.ts"

const lineOf = (...cmdline: ReadonlyArray<string>) => {
  const spec: VmSpec = {
    kernel: { image: "/k" },
    initramfs: [],
    cmdline,
    topology: Topology.unsafeMake({ nodes: [{ llcs: 1 }], coresPerLlc: 1, threadsPerCore: 1 }),
    memoryMb: 256,
    ring: { address: 0x8000000, size: 0x100000 },
    clock: "auto"
  }
  return machineCommandLine(spec, ["own=1"])
}
const accepted = (...cmdline: ReadonlyArray<string>) => Either.getOrThrow(lineOf(...cmdline))
const refused = (...cmdline: ReadonlyArray<string>) => Either.getOrThrow(Either.flip(lineOf(...cmdline)))
const room = maxCommandLine - accepted("").length

describe("machineCommandLine", () => {
  it("takes what a kernel reads to the last byte, and refuses one more with both lengths", () => {
    const full = `a=${"x".repeat(room - 2)}`
    expect(accepted(full)).toHaveLength(2047)
    const { message, reason } = refused(`${full}x`)
    expect(reason).toBe("BadSpec")
    expect(message).toBe(
      `the kernel command line has 2048 bytes, a kernel reads 2047: shorten the kernel arguments (--kargs, kargs) by 1; ` +
        `the longest, 'a=${"x".repeat(38)}…', has ${room + 1}`
    )
  })

  it("names the longest of the user's words, never one of ktstr's own", () => {
    const { message } = refused(
      `ktstr.mode=${"x".repeat(1500)}`,
      ...Array.from({ length: 60 }, (_, at) => `mine.${at}=12345678`)
    )
    expect(message).toMatch(/the longest, 'mine\.\d+=12345678', has 16$/)
  })

  it("counts bytes, not characters", () => {
    expect(accepted("ä".repeat(Math.floor(room / 2)))).toHaveLength(2047 - Math.floor(room / 2) - (room % 2))
    expect(refused("ä".repeat(Math.floor(room / 2) + 1)).message).toMatch(/has 204[89] bytes/)
  })

  it("refuses what would swallow or cut its neighbours", () => {
    expect(accepted('dyndbg="file x +p"', "quiet")).toMatch(/ own=1 .* dyndbg="file x \+p" quiet$/)
    expect(refused("quiet", 'a="b').message).toBe(
      'kernel argument "a=\\"b" has a quote that nothing closes; add the other'
    )
    for (const control of ["\n", "\t", "\0", "\u007f"]) {
      expect(refused(`a=${control}b`).message).toMatch(/^kernel argument "a=.*b" has a control character; remove it$/)
    }
  })
})
