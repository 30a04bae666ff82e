import { Topology } from "@ktstr/core"
import { Either } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { describeMachine, type MachineOptions, placeMachine } from "../../machine/index.ts"
import { intelHost } from "./hosts.ts"
import { bytesOf, bzImage, elfKernel, fileOf, smallKernel } from "./images.ts"
import { anyTopology, topologies } from "./topologies.ts"

const mib = 1024 * 1024

const options: MachineOptions = {
  topology: Topology.unsafeMake({ numaNodes: 1, llcs: 1, coresPerLlc: 2, threadsPerCore: 1 }),
  memoryMb: 256,
  kernel: fileOf(smallKernel),
  initrdSize: 100_000,
  cmdline: "console=ttyS0",
  supportedCpuid: intelHost
}

const make = (changes: Partial<MachineOptions> = {}) => Either.getOrThrow(describeMachine({ ...options, ...changes }))

const refusal = (changes: Partial<MachineOptions>): string =>
  Either.match(describeMachine({ ...options, ...changes }), {
    onLeft: (error) => `${error.reason}: ${error.message}`,
    onRight: () => "no error"
  })

type Description = ReturnType<typeof make>

const ranges = (machine: Description) =>
  [
    ...machine.writes.map(({ address, bytes }) => ({ address, size: bytes.length })),
    ...machine.kernelParts,
    ...(machine.initrd === undefined ? [] : [machine.initrd])
  ]
    .map(({ address, size }) => ({ from: address, to: address + size }))
    .sort((a, b) => a.from - b.from)

const inRam = (machine: Description, from: number, to: number): boolean => {
  let at = from
  for (const segment of machine.segments) {
    if (segment.address <= at && at < segment.address + segment.size) at = Math.min(to, segment.address + segment.size)
  }
  return at === to
}

describe("describeMachine", () => {
  it("writes only into RAM and nothing twice", () => {
    fc.assert(
      fc.property(
        anyTopology,
        fc.integer({ min: 64, max: 9000 }),
        fc.integer({ min: 0, max: 20 * mib }),
        fc.constantFrom(fileOf(smallKernel), fileOf(bzImage(bytesOf(4000)))),
        (topology, memoryMb, initrd, kernel) => {
          const machine = make({ topology, memoryMb, kernel, initrdSize: initrd })
          const sorted = ranges(machine)
          for (const [index, range] of sorted.entries()) {
            expect(inRam(machine, range.from, range.to)).toBe(true)
            if (index > 0) expect(range.from).toBeGreaterThanOrEqual(sorted[index - 1]!.to)
          }
          expect(machine.segments.reduce((sum, segment) => sum + segment.size, 0)).toBe(memoryMb * mib)
        }
      ),
      { numRuns: 40 }
    )
  })

  it("gives the same bytes for the same options", () => {
    for (const [, topology] of topologies.slice(0, 6)) {
      const [a, b] = [make({ topology }), make({ topology })]
      const bytes = ({ writes }: Description) => Buffer.concat(writes.map((write) => write.bytes))
      expect(a.writes.map((write) => write.address)).toEqual(b.writes.map((write) => write.address))
      expect(bytes(a).equals(bytes(b))).toBe(true)
      expect(Either.getOrThrow(placeMachine({ ...options, topology })).initrd).toEqual(a.initrd)
      expect(a.cpuid.common).toEqual(b.cpuid.common)
      expect(a.cpuid.own(topology.cpus - 1)).toEqual(b.cpuid.own(topology.cpus - 1))
    }
  })

  it("puts the initramfs on top of low RAM, below the hole, the kernel's limit and a reserved range", () => {
    const size = Math.ceil(100_000 / 4096) * 4096
    expect(make().initrd).toEqual({ address: 256 * mib - size, size: 100_000 })
    expect(make({ memoryMb: 8192 }).initrd!.address).toBe(0x80000000 - size)
    const reserved = { address: 255 * mib, size: mib }
    expect(make({ reserved }).initrd!.address).toBe(255 * mib - size)
    expect(make({ reserved: { address: 200 * mib, size: mib } }).initrd!.address).toBe(256 * mib - size)
    expect(make({ initrdSize: 0 }).initrd).toBeUndefined()
  })

  it("needs interrupt chips of its own exactly for APIC ids beyond 254", () => {
    for (const [name, topology] of topologies) {
      const machine = make({ topology, memoryMb: 4096 })
      expect([name, machine.irqchip]).toEqual([name, Math.max(...machine.apicIds) > 254 ? "split" : "kernel"])
      expect(machine.apicIds).toHaveLength(topology.cpus)
    }
  })

  it("carries the largest machine there can be: tables beyond 1 MiB", () => {
    const topology = Topology.unsafeMake({ numaNodes: 64, llcs: 512, coresPerLlc: 4, threadsPerCore: 2 })
    const machine = make({ topology, memoryMb: 8192 })
    expect(machine.apicIds).toHaveLength(4096)
    const end = Math.max(...machine.acpi.map((table) => table.address + table.bytes.length))
    expect(end).toBeGreaterThan(mib)
    expect(end).toBeLessThan(16 * mib)
  })

  it("says what does not fit", () => {
    expect(refusal({ memoryMb: 16 })).toBe(
      "OutOfMemory: kernel needs memory up to 19 MiB, the guest has 16 MiB below its device hole; give it more memory"
    )
    expect(refusal({ memoryMb: 20, initrdSize: 2 * mib })).toBe(
      "OutOfMemory: no room for an initramfs of 2 MiB above the kernel (0x1000000 to 0x1300000) in 20 MiB of low RAM; give the guest more memory"
    )
    expect(refusal({ reserved: { address: 256 * mib, size: 4096 } })).toBe(
      "BadSpec: reserved range 0x10000000 to 0x10001000 is outside low RAM (0x100000 to 0x10000000); give the guest more memory or move the range"
    )
    expect(refusal({ reserved: { address: 0x1200000, size: 4096 } })).toContain("overlaps the kernel at 0x1000000")
    const low = elfKernel(0x80000, [{ address: 0x80000, bytes: bytesOf(16), memorySize: 16 }])
    expect(refusal({ kernel: fileOf(low) })).toContain("kernel wants to be loaded at 0x80000 to 0x80010")
    expect(refusal({ kernel: fileOf(new Uint8Array(1024)) })).toContain("BadKernel: kernel is not a kernel image")
    expect(refusal({ cmdline: "x".repeat(2048) })).toBe(
      "BadSpec: the kernel command line has 2048 bytes, the kernel takes 2047; shorten it"
    )
    expect(refusal({ kernel: fileOf(bzImage(bytesOf(16), { cmdlineSize: 255 })), cmdline: "x".repeat(256) })).toContain(
      "the kernel takes 255"
    )
    expect(refusal({ cmdline: "a\0b" })).toContain("holds a NUL")
    expect(refusal({ virtioDevices: 17 })).toBe("BadSpec: 17 virtio devices; a machine has 0 to 16")
    expect(refusal({ memoryMb: 0 })).toContain("memory of 0 MiB")
    const huge = Topology.unsafeMake({ numaNodes: 1, llcs: 64, coresPerLlc: 65, threadsPerCore: 1 })
    expect(refusal({ topology: huge })).toContain("has 4160 CPUs, a machine at most 4096")
  })
})
