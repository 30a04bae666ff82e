import { describe, expect, it } from "@effect/vitest"
import { Either } from "effect"
import { AssertResult } from "../src/check/AssertResult.ts"
import { AgentEvent } from "../src/protocol/AgentEvent.ts"
import type { ReportedTopology } from "../src/protocol/Telemetry.ts"
import { doubted, machineDoubts } from "../src/run/machineDoubts.ts"
import { notAsAsked } from "../src/session/AskedMachine.ts"
import { OnlineRecord } from "../src/session/OnlineRecord.ts"
import { SessionRecord } from "../src/session/Record.ts"
import { CpuSet } from "../src/topology/CpuSet.ts"
import { Topology } from "../src/topology/Topology.ts"

const shape = (text: string): Topology => Either.getOrThrow(Topology.parse(text))

/** What the guest's sysfs shows when only these CPUs of a topology are online. */
const guest = (text: string, online?: CpuSet): ReportedTopology => {
  const topology = shape(text)
  const all = CpuSet.range(0, topology.cpus)
  const there = online ?? all
  const places = there.cpus.map((cpu) => topology.place(cpu))
  return {
    cpus: places.map(({ core, cpu, llc, node }) => {
      const mates = places.filter((other) => other.llc === llc)
      const siblings = CpuSet.from(mates.filter((other) => other.core === core).map((other) => other.cpu))
      return {
        cpu,
        node,
        package: 0,
        coreId: core,
        llcId: Math.min(...mates.map((other) => other.cpu)),
        threadSiblings: String(siblings),
        llcShared: String(CpuSet.from(mates.map((other) => other.cpu)))
      }
    }),
    nodes: topology.nodes.map(({ index }) => ({
      node: index,
      cpulist: String(topology.cpusInNode(index).intersect(there)),
      memTotalKb: 1,
      distances: []
    }))
  }
}

describe("the machine that came up", () => {
  it.each(["1n1l1c1t", "1n2l2c2t", "2n4l2c1t", "2n2l2c1t[2+0]", "3n3l3c2t"])("is the one asked for: %s", (text) => {
    expect(notAsAsked(shape(text), guest(text), [])).toBeUndefined()
  })

  it("has no nodes at all where the kernel knows no NUMA", () => {
    expect(notAsAsked(shape("1n2l2c1t"), { ...guest("1n2l2c1t"), nodes: [] }, [])).toBeUndefined()
  })

  it("lost its sibling threads to nosmt, which is named", () => {
    expect(notAsAsked(shape("1n2l2c2t"), guest("1n2l2c2t", CpuSet.from([0, 2, 4, 6])), ["quiet", "nosmt"])).toBe(
      "asked for 1n2l2c2t: 8 CPUs, 2 LLCs, 1 NUMA node, 2 threads per core; " +
        "the guest came up with 4 CPUs (0,2,4,6), 2 LLCs, 1 NUMA node, 1 thread per core; see the kernel argument nosmt"
    )
  })

  it("has fewer CPUs, LLCs or nodes, or more", () => {
    const differs = (asked: string, came: ReportedTopology) => notAsAsked(shape(asked), came, [])
    expect(differs("1n2l2c1t", guest("1n2l2c1t", CpuSet.range(0, 3)))).toContain("3 CPUs (0-2), 2 LLCs")
    expect(differs("1n2l2c1t", guest("1n1l4c1t"))).toContain("the guest came up with 4 CPUs, 1 LLC")
    expect(differs("2n2l2c1t", guest("1n2l2c1t"))).toContain("1 NUMA node, 1 thread per core")
    expect(differs("1n1l2c1t", guest("1n1l3c1t"))).toContain("3 CPUs (0-2)")
    expect(differs("1n1l2c1t", guest("1n1l3c1t", CpuSet.from([0, 2])))).toContain("2 CPUs (0,2)")
  })

  it("has as many of everything, in another arrangement", () => {
    const swapped = guest("1n2l2c1t")
    const cpus = swapped.cpus.map((cpu) => ({ ...cpu, llcId: cpu.cpu % 2 }))
    expect(notAsAsked(shape("1n2l2c1t"), { ...swapped, cpus }, [])).toBe(
      "asked for 1n2l2c1t: LLCs 0-1|2-3; the guest came up with 0,2|1,3"
    )
  })
})

const change = (cpu: number, online: boolean) => ({ cpu, online })

describe("CPUs that come and go", () => {
  const start = CpuSet.range(0, 4)
  const record = (
    ...events: ReadonlyArray<readonly [ms: number, changes: ReturnType<typeof change>[], online: string]>
  ) => {
    const made = new OnlineRecord()
    for (const [ms, changes, online] of events) {
      made.add(AgentEvent.Online({ timeNs: ms * 1e6, changes, online, isolated: "" }), 100e6)
    }
    return made
  }

  it("are told with the time", () => {
    expect(record([900, [], "0-3"]).changed(start)).toBeUndefined()
    expect(new OnlineRecord().changed(start)).toBeUndefined()
    expect(record([350, [change(3, false)], "0-2"], [900, [], "0-2"]).changed(start)).toBe(
      "the machine lost CPUs 3 during the run: it began with CPUs 0-3 and ended with 0-2 (cpu3 offline at +250ms)"
    )
    expect(record([900, [], "0-1"]).changed(start)).toBe(
      "the machine lost CPUs 2-3 during the run: it began with CPUs 0-3 and ended with 0-1"
    )
    expect(record([900, [], "0-5"]).changed(start)).toContain("gained CPUs 4-5")
  })

  it("are told when they are back at the end, and not without bound", () => {
    const back = [change(1, false), change(1, true)]
    expect(record([200, back, "0-3"], [900, [], "0-3"]).changed(start)).toBe(
      "the machine lost CPUs for a time during the run: it began with CPUs 0-3 and ended with 0-3 (cpu1 offline at +100ms, cpu1 online at +100ms)"
    )
    const storm = record([200, Array.from({ length: 500 }, () => change(1, false)), "0-3"])
    expect(storm.changed(start)).toMatch(/… and 492 more\)$/)
  })
})

describe("a verdict on a machine that was another", () => {
  const session = (topology: ReportedTopology, online: string, isolated = "") => {
    const record = new SessionRecord()
    record.add(
      AgentEvent.Ready({
        version: 2,
        transport: "ring",
        release: "7.3.4",
        kernelVersion: "#1",
        timeNs: 0,
        topology,
        symbols: [],
        notes: ""
      })
    )
    record.add(AgentEvent.Online({ timeNs: 5, changes: [], online, isolated }))
    return record
  }
  const asked = { topology: shape("1n2l2c1t"), kargs: ["maxcpus=3"] }
  const short = machineDoubts(session(guest("1n2l2c1t", CpuSet.range(0, 3)), "0-1"), asked)

  it("is no pass: inconclusive, what was asked and came first", () => {
    const result = doubted(AssertResult.pass, short)
    expect(result.outcome).toBe("inconclusive")
    expect(result.details[0]).toMatch(/^asked for 1n2l2c1t: 4 CPUs.*came up with 3 CPUs \(0-2\).*maxcpus=3$/)
    expect(result.details[1]).toMatch(/^the machine lost CPUs 2 .*cpuHotplug: true$/)
    expect(doubted(AssertResult.inconclusive("no samples"), short).details[2]).toBe("no samples")
  })

  it("stays a fail that says it", () => {
    const result = doubted(AssertResult.fail("stuck"), short)
    expect(result.outcome).toBe("fail")
    expect(result.details.map((line) => line.slice(0, 9))).toEqual(["asked for", "stuck", "the machi"])
  })

  it("is what it was where nothing differs, or on a host that is as it is", () => {
    const whole = machineDoubts(session(guest("1n2l2c1t"), "0-3"), asked)
    expect(doubted(AssertResult.pass, whole)).toEqual(AssertResult.pass)
    const host = machineDoubts(session(guest("1n1l2c1t"), "0-1"), undefined)
    expect(doubted(AssertResult.pass, host)).toEqual(AssertResult.pass)
    const lost = machineDoubts(session(guest("1n1l2c1t"), "0"), undefined)
    expect(doubted(AssertResult.pass, lost).outcome).toBe("inconclusive")
  })

  it("has a note on isolated CPUs", () => {
    const { later, notes, start } = machineDoubts(session(guest("1n2l2c1t"), "0-3", "2-3"), asked)
    expect([start, later]).toEqual([[], []])
    expect(notes).toEqual([expect.stringContaining("CPUs 2-3 isolated (isolcpus=)")])
  })
})
