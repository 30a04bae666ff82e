// Every scenario of the catalog and every canned one, run by name to its verdict in a machine that meets the needs of all.
import { CannedScenarios } from "@ktstr/core"
import { catalog } from "@ktstr/scenarios"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ktstr, leftovers, none } from "./ktstr.ts"

const topology = "2n2l2c1t"
/** A boot, and a second of the machine's own time for each scenario, many times over on a busy host. */
const allMs = 1_800_000

interface Result {
  readonly scenario: string
  readonly outcome: string
  readonly details: ReadonlyArray<string>
  readonly cgroups: ReadonlyArray<{
    readonly workers: ReadonlyArray<{ readonly completed: boolean; readonly iterations: number }>
  }>
}

const names = [...catalog, ...CannedScenarios.all].map(({ name }) => name)

/** Results by name, of scenarios whose machines share a boot. */
const results = async (some: ReadonlyArray<string>): Promise<ReadonlyMap<string, Result>> => {
  const virtual = ["--clock", "deterministic", "--seed", "0"]
  const { stdout } = await ktstr(
    ["run", ...some, "--topology", topology, "--duration", "1", "--format", "json", ...virtual],
    { deadlineMs: allMs }
  )
  const { runs }: { readonly runs: ReadonlyArray<Result> } = JSON.parse(stdout)
  return new Map(runs.map((run) => [run.scenario, run]))
}

// In virtual time, where nothing that the host does can fail a scenario, and machines run side by side. One seed and one try: a scenario
// that fails under the kernel's own scheduler with some seed has thresholds that are wrong.
describe(`every scenario on ${topology}`, () => {
  let found: ReadonlyMap<string, Result>
  beforeAll(async () => {
    const halves = [0, 1].map((half) => names.filter((_, index) => index % 2 === half))
    found = new Map((await Promise.all(halves.map(results))).flatMap((some) => [...some]))
  }, allMs)
  afterAll(async () => expect(await leftovers()).toEqual(none))

  it.each(names)("passes %s", (name) => {
    const { cgroups, details, outcome } = found.get(name)!
    expect([outcome, details]).toEqual(["pass", []])
    const workers = cgroups.flatMap((cgroup) => cgroup.workers)
    expect(workers.length).toBeGreaterThan(0)
    expect(workers.every((worker) => worker.completed)).toBe(true)
  })
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
