// Every scenario of the catalog and every canned one, run by name to its verdict in a machine that meets the needs of all.
import { CannedScenarios } from "@ktstr/core"
import { catalog } from "@ktstr/scenarios"
import { describe, expect, it } from "vitest"
import { ktstr, leftovers, none } from "./ktstr.ts"

const topology = "2n2l2c1t"
/** A boot and a second for each; ten times that on a busy machine. */
const perScenarioMs = 40_000

interface Result {
  readonly scenario: string
  readonly outcome: string
  readonly details: ReadonlyArray<string>
  readonly cgroups: ReadonlyArray<{
    readonly workers: ReadonlyArray<{ readonly completed: boolean; readonly iterations: number }>
  }>
}

/** Runs scenarios in order; gives their results by the order of their ends. */
const run = async (
  args: ReadonlyArray<string>,
  count: number
): Promise<{ readonly code: number | null; readonly results: ReadonlyArray<Result> }> => {
  const { code, stdout } = await ktstr(
    ["run", ...args, "--topology", topology, "--duration", "1", "--format", "json"],
    { deadlineMs: count * perScenarioMs }
  )
  expect(await leftovers()).toEqual(none)
  const parsed = JSON.parse(stdout)
  return { code, results: parsed.runs ?? [parsed] }
}

const judge = (results: ReadonlyArray<Result>, names: ReadonlyArray<string>): void => {
  const told = results.map(({ details, outcome, scenario }) => [scenario, outcome, details])
  expect(told).toEqual(names.map((name) => [name, "pass", []]))
  for (const { cgroups } of results) {
    const workers = cgroups.flatMap((cgroup) => cgroup.workers)
    expect(workers.length).toBeGreaterThan(0)
    expect(workers.every((worker) => worker.completed)).toBe(true)
  }
}

describe(`the catalog on ${topology}`, () => {
  for (const category of new Set(catalog.map((scenario) => scenario.category))) {
    const names = catalog.filter((scenario) => scenario.category === category).map((scenario) => scenario.name)
    it(`passes ${category}: ${names.length} scenarios`, {
      timeout: names.length * perScenarioMs + 10_000
    }, async () => {
      const { code, results } = await run(["--filter", `${category}/*`], names.length)
      judge(results, names)
      expect(code).toBe(0)
    })
  }

  const canned = CannedScenarios.all.map((scenario) => scenario.name)
  it(`passes the ${canned.length} canned scenarios`, { timeout: canned.length * perScenarioMs + 10_000 }, async () => {
    const { code, results } = await run(canned, canned.length)
    judge(results, canned)
    expect(code).toBe(0)
  })

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
