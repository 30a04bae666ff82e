import { describe, expect, it } from "vitest"
import { ktstr, leftovers, none } from "./ktstr.ts"

describe("ktstr run steady", () => {
  it("prints one JSON object that tells the kernel, the topology and every worker", async () => {
    const ended = await ktstr(["run", "steady", "--topology", "1n2l2c1t", "--duration", "5", "--format", "json"])
    expect(ended.stderr.split("\n").filter((line) => line !== "" && !line.startsWith("warning:"))).toEqual([])
    expect(ended.code).toBe(0)
    const result = JSON.parse(ended.stdout)
    expect(result.outcome).toBe("pass")
    expect(["kvm", "qemu-kvm", "emulated"]).toContain(result.clock)
    expect(result.kernel.release).toMatch(/^\d+\.\d+/)
    expect(result.topology.guest.summary).toBe("1n2l2c1t")
    expect(result.topology.guest.cpus).toHaveLength(4)
    expect(result.cgroups.map((cgroup: { name: string }) => cgroup.name)).toEqual(["cg_0", "cg_1"])
    const workers = result.cgroups.flatMap((cgroup: { workers: Array<unknown> }) => cgroup.workers)
    expect(workers).toHaveLength(4)
    for (const worker of workers) {
      expect(worker.cpuTimeNs).toBeGreaterThan(1e9)
      expect(worker.iterations).toBeGreaterThan(1000)
      expect(worker.migrationCount).toBeGreaterThanOrEqual(0)
      expect(worker.maxGapMs).toBeGreaterThan(0)
      expect(worker.cpusUsed.length).toBeGreaterThan(0)
      expect(worker.completed).toBe(true)
    }
    const cpuTime = workers.reduce((sum: number, worker: { cpuTimeNs: number }) => sum + worker.cpuTimeNs, 0)
    // Four CPUs for five seconds.
    expect(cpuTime / 20e9).toBeGreaterThan(0.8)
    expect(cpuTime / 20e9).toBeLessThan(1.02)
    expect(await leftovers()).toEqual(none)
  })

  it("streams events as they happen with --format ndjson", async () => {
    const ended = await ktstr(["run", "steady", "--duration", "1", "--format", "ndjson"])
    const events = ended.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)._tag)
    expect(events[0]).toBe("RunStarted")
    expect(events).toContain("AgentReady")
    expect(events).toContain("Holding")
    expect(events.at(-1)).toBe("RunFinished")
    expect(ended.code).toBe(0)
  })
})
