// Every scenario of the catalog and every canned one, run by name to its verdict in a machine that meets the needs of all.
import { CannedScenarios } from "@ktstr/core"
import { catalog } from "@ktstr/scenarios"
import { afterAll, describe, expect, it } from "vitest"
import { ktstr, leftovers, none } from "./ktstr.ts"

const topology = "2n2l2c1t"
/** A boot and a second of the machine's own time, many times over on a busy host. */
const perScenarioMs = 120_000

interface Result {
  readonly scenario: string
  readonly outcome: string
  readonly details: ReadonlyArray<string>
  readonly cgroups: ReadonlyArray<{
    readonly workers: ReadonlyArray<{ readonly completed: boolean; readonly iterations: number }>
  }>
}

/** Runs a scenario to its verdict, which must be a pass with every worker's report. */
const passes = async (name: string): Promise<void> => {
  const virtual = ["--clock", "deterministic", "--seed", "0"]
  const { code, stdout } = await ktstr(
    ["run", name, "--topology", topology, "--duration", "1", "--format", "json", ...virtual],
    { deadlineMs: perScenarioMs }
  )
  const { cgroups, details, outcome, scenario }: Result = JSON.parse(stdout)
  expect([scenario, outcome, details]).toEqual([name, "pass", []])
  const workers = cgroups.flatMap((cgroup) => cgroup.workers)
  expect(workers.length).toBeGreaterThan(0)
  expect(workers.every((worker) => worker.completed)).toBe(true)
  expect(code).toBe(0)
}

// In virtual time, where nothing that the host does can fail a scenario, and machines run side by side. One seed and one try: a scenario
// that fails under the kernel's own scheduler with some seed has thresholds that are wrong.
describe.concurrent(`every scenario on ${topology}`, () => {
  for (const { name } of [...catalog, ...CannedScenarios.all]) {
    it(`passes ${name}`, { timeout: perScenarioMs + 10_000 }, () => passes(name))
  }

  afterAll(async () => expect(await leftovers()).toEqual(none))
})

describe("the catalog", () => {
  it("is listed by category, with what it needs", async () => {
    const { stdout } = await ktstr(["list", "scenarios"])
    for (const { category, description, name } of catalog) {
      const row = stdout.split("\n").find((line) => line.startsWith(`${name} `)) ?? ""
      expect(row.split(/ {2,}/)[1]).toBe(category)
      expect(row).toContain(description)
    }
    expect(stdout).toMatch(/cpuset\/numaSwap +cpuset +2 NUMA nodes, 2 CPUs/)
  })

  it("is skipped with the reason where the machine is too small", async () => {
    const { code, stdout } = await ktstr(["run", "cpuset/numa*", "--topology", "1n1l2c1t", "--format", "json"])
    const told = JSON.parse(stdout).runs.map(({ details, outcome }: Result) => [outcome, details])
    expect(told).toEqual([
      ["skip", ["scenario 'cpuset/numaSwap' needs at least 2 NUMA nodes; the topology has 1"]],
      ["skip", ["scenario 'cpuset/numaBind' needs at least 2 NUMA nodes; the topology has 1"]]
    ])
    expect(code).toBe(0)
  })

  it("says when nothing matches", async () => {
    const { code, stderr } = await ktstr(["run", "--filter", "cpuse/*"])
    expect(stderr.trim().split("\n").at(-1)).toBe("ktstr: no scenario matches 'cpuse/*'; see: ktstr list scenarios")
    expect(code).toBe(64)
  })
})
