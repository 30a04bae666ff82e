import { describe, expect, it } from "vitest"
import { ktstr, leftovers, none } from "./ktstr.ts"

/** Runs one test of the fixture file in virtual time; returns its exit code and output. */
const verdict = async (name: string) => {
  const fixture = ["test", "test/fixtures/verdicts.ktstr.ts", "--clock", "deterministic"]
  const { code, stdout, stderr } = await ktstr([...fixture, "--filter", name])
  expect(await leftovers()).toEqual(none)
  return { code, said: `${stdout}\n${stderr}` }
}

describe("a run that must not pass", () => {
  it("has a check that nothing judges: inconclusive, by its name", async () => {
    const { code, said } = await verdict("a check that nothing judges")
    expect(said).toMatch(
      /^INCONCLUSIVE a check that nothing judges: maxLocalDsqDepth 50, set by .* is not judged yet: /m
    )
    expect(code).toBe(2)
  })
})

describe("runs that must fail, each for its own reason", () => {
  it("an unfair cgroup: nice 19 beside nice 0 on one CPU", async () => {
    const { code, said } = await verdict("nice 19 beside nice 0")
    expect(said).toMatch(/unfair cgroup: spread=\d+% \(\d+-\d+%\) 2 workers on 1 cpus \(threshold 15%\)/)
    expect(code).toBe(1)
  })

  it("pinned workers that escape their cpuset", async () => {
    const { code, said } = await verdict("pinned workers escape")
    expect(said).toMatch(/cgroup 'pinned' worker \d: not isolated: ran on cpus \S+, allowed are only 0/)
    expect(code).toBe(1)
  })

  it("a worker killed with SIGKILL: named, and the others reported", async () => {
    const { code, said } = await verdict("a worker is killed")
    expect(said).toMatch(/hunted.*worker 1.*(SIGKILL|signal 9)/)
    expect(code).toBe(1)
  })

  it("a cgroup name that was never created", async () => {
    const { code, said } = await verdict("a cgroup that was never created")
    expect(said).toContain("No such file or directory: /sys/fs/cgroup/nonexistent/")
    expect(code).toBe(1)
  })

  it.each([
    ["cpuset 0", "cgroup 'cg_0': CpusetSpec validation failed: not enough usable CPUs (3) for 8 partitions"],
    ["cpuset 1", "cgroup 'cg_1': CpusetSpec validation failed: index 3 >= partition count 3"],
    [
      "cpuset 2",
      "cgroup 'cg_2': CpusetSpec validation failed: Range fracs must lie in [0.0, 1.0]: start_frac=-1, end_frac=0.5"
    ],
    ["cpuset 3", "cgroup 'cg_3': CpusetSpec validation failed: Range start_frac"]
  ])("%s", async (name, sentence) => {
    const { code, said } = await verdict(name)
    expect(said).toContain(sentence)
    expect(code).toBe(64)
  })
})
