import type { Topology } from "@ktstr/core"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { apicIds } from "../../machine/ApicIds.ts"
import { guestCpuid } from "../../machine/cpuid/Cpuid.ts"
import type { CpuidEntry } from "../../machine/cpuid/CpuidEntry.ts"
import { cpuidInstruction, decodeCpu } from "./decodeTopology.ts"
import { amdHost, hosts, intelHost, newAmdHost } from "./hosts.ts"
import { anyTopology, topologies } from "./topologies.ts"

const cpuidOf = (topology: Topology, supported: ReadonlyArray<CpuidEntry>, realtimeHint = false) => {
  const cpuid = guestCpuid({ supported, topology, apicIds: apicIds(topology), realtimeHint })
  return (vcpu: number) => [...cpuid.common, ...cpuid.own(vcpu)]
}

/** CPUs that have the same number, as sets in order of their first. */
const groups = (numbers: ReadonlyArray<number | string>): ReadonlyArray<ReadonlyArray<number>> => {
  const sets = new Map<number | string, Array<number>>()
  for (const [cpu, number] of numbers.entries()) sets.set(number, [...(sets.get(number) ?? []), cpu])
  return [...sets.values()]
}

const expectDecodes = (topology: Topology, supported: ReadonlyArray<CpuidEntry>): void => {
  const cpuid = cpuidOf(topology, supported)
  const cpus = Array.from({ length: topology.cpus }, (_, cpu) => decodeCpu(cpuid(cpu)))
  const places = cpus.map((_, cpu) => topology.place(cpu))
  expect(new Set(cpus.map((cpu) => cpu.apicId)).size).toBe(topology.cpus)
  expect(groups(cpus.map((cpu) => cpu.package))).toEqual(groups(places.map((place) => place.node)))
  expect(groups(cpus.map((cpu) => cpu.l3))).toEqual(groups(places.map((place) => place.llc)))
  const cores = groups(places.map((place) => `${place.llc} ${place.core}`))
  expect(groups(cpus.map((cpu) => `${cpu.package} ${cpu.core}`))).toEqual(cores)
  expect(groups(cpus.map((cpu) => cpu.l2))).toEqual(cores)
  expect(groups(cpus.map((cpu) => cpu.l1d))).toEqual(cores)
  expect(cpus.map((cpu) => cpu.thread)).toEqual(places.map((place) => place.thread))
  for (const [cpu, decoded] of cpus.entries()) {
    expect(decoded.threadsPerCore).toBe(topology.threadsPerCore)
    expect(decoded.cpusPerPackage).toBe(topology.cpusInNode(places[cpu]!.node).size)
  }
}

for (const [host, supported] of Object.entries(hosts)) {
  describe(`CPUID on ${host}`, () => {
    it.each(topologies)("decodes back to %s", (_, topology) => expectDecodes(topology, supported))

    it("decodes back to any topology", () => {
      fc.assert(
        fc.property(anyTopology, (topology) => expectDecodes(topology, supported)),
        { numRuns: 40 }
      )
    })

    it("fits the form KVM_SET_CPUID2 takes", () => {
      for (const [, topology] of topologies) {
        const entries = cpuidOf(topology, supported)(topology.cpus - 1)
        expect(entries.length).toBeLessThanOrEqual(256)
        expect(new Set(entries.map((e) => `${e.function} ${e.index}`)).size).toBe(entries.length)
        for (const entry of entries) {
          for (const register of [entry.eax, entry.ebx, entry.ecx, entry.edx]) {
            expect(Number.isInteger(register) && register >= 0 && register < 2 ** 32).toBe(true)
          }
        }
      }
    })

    it("names KVM, and hints at vCPUs with CPUs of their own only when told so", () => {
      const topology = topologies[0]![1]
      const plain = cpuidInstruction(cpuidOf(topology, supported)(0))
      expect(plain(0x40000000)).toMatchObject({ eax: 0x40000001, ebx: 0x4b4d564b, ecx: 0x564b4d56, edx: 0x4d })
      expect(plain(0x40000001)).toMatchObject({ eax: 0x0100_7afb, edx: 0 })
      expect(cpuidInstruction(cpuidOf(topology, supported, true)(0))(0x40000001).edx).toBe(1)
      // x2APIC, TSC deadline and hypervisor; no MONITOR.
      expect(plain(1).ecx & 0x8120_0008).toBe(0x8120_0000 | 0)
    })
  })
}

describe("CPUID", () => {
  const find = (name: string): Topology => topologies.find(([n]) => n === name)![1]

  it("announces extended destinations exactly when an APIC id needs them", () => {
    for (const [, topology] of topologies) {
      const features = cpuidInstruction(cpuidOf(topology, intelHost)(0))(0x40000001).eax
      expect((features >>> 15) & 1).toBe(apicIds(topology).highest > 254 ? 1 : 0)
    }
    expect(apicIds(find("max-cpu")).highest).toBe(433)
    expect(apicIds(find("near-max-llc")).highest).toBe(239)
  })

  it("keeps the host's cache sizes and gives those it does not tell", () => {
    const subleaves = (host: ReadonlyArray<CpuidEntry>, leaf: number) =>
      cpuidOf(
        find("smt-2llc"),
        host
      )(0)
        .filter((entry) => entry.function === leaf)
        .map(({ ebx, ecx }) => ({ ebx, ecx }))
    const told = (host: ReadonlyArray<CpuidEntry>, leaf: number) =>
      host.filter((entry) => entry.function === leaf).map(({ ebx, ecx }) => ({ ebx, ecx }))
    expect(subleaves(intelHost, 4)).toEqual(told(intelHost, 4))
    expect(subleaves(newAmdHost, 0x8000001d)).toEqual(told(newAmdHost, 0x8000001d))
    expect(subleaves(amdHost, 0x8000001d)).toHaveLength(5)
  })

  it("tells a host of family 0x17 with fixed core complexes as a model with free ones, and no other", () => {
    const signature = (host: ReadonlyArray<CpuidEntry>) => cpuidInstruction(cpuidOf(find("odd-3llc"), host)(0))(1).eax
    expect(signature(amdHost)).toBe(0x00830f10)
    expect(signature(newAmdHost)).toBe(0x00a10f11)
    expect(signature(intelHost)).toBe(0x606a6)
  })

  it("refuses a vCPU that is not there", () => {
    expect(() => cpuidOf(find("tiny-1llc"), intelHost)(4)).toThrow("vCPU 4 is not in topology 1n1l4c1t, which has 4")
  })
})
