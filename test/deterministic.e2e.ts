// Deterministic machines: a seed is a run wherever and under whatever load it is made, and a failure that a seed shows is there again.
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ktstr, leftovers, none, root } from "./ktstr.ts"

const program = join(root, "native/bpf/build/scx_ktstr")

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(process.env.KTSTR_TEST_TMP ?? tmpdir(), "deterministic-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const steady = (seed: number, cwd: string) =>
  ktstr(
    [
      ...["run", "steady", "--clock", "deterministic", "--seed", `${seed}`, "-t", "1n1l2c1t", "-d", "0.5"],
      ...["--format", "json"]
    ],
    { cwd, deadlineMs: 200_000 }
  )

describe("a deterministic machine", () => {
  it("gives one run for a seed, from any folder and beside other work, and another for another", async () => {
    // Two at once take each other's time, and the third has the machine to itself.
    const together = await Promise.all([steady(5, root), steady(5, folder)])
    const ended = [...together, await steady(6, root)]
    const [one, same, other] = ended.map(({ stdout, stderr }) => {
      expect(stderr.split("\n").filter((line) => line !== "" && !line.startsWith("warning:"))).toEqual([])
      return JSON.parse(stdout)
    })
    expect(one).toMatchObject({ outcome: "pass", clock: "deterministic", determinism: { seed: 5 } })
    expect(one.determinism.perturbation.startOffsetsNs).toHaveLength(2)
    expect(one.determinism.ingredients.machine.arguments).toContain("-icount")
    expect(same.determinism).toEqual(one.determinism)
    expect(same.cgroups).toEqual(one.cgroups)
    expect(other.determinism.eventHash).not.toBe(one.determinism.eventHash)
    expect(other.determinism.scheduleHash).not.toBe(one.determinism.scheduleHash)
    expect(await leftovers()).toEqual(none)
  })

  it("shows a race under some seed, which replays", async () => {
    const found = await ktstr(
      [
        ...["explore", "steady", "--seeds", "1..6", "--until-fail", "--no-shrink", "--json", "--output", folder],
        ...["-d", "0.5", "-w", "4", "--work-type", "Bursty:burst=1ms,sleep=1ms"],
        ...["--scheduler", program, "--sched-args", "--race"]
      ],
      { deadlineMs: 400_000 }
    )
    expect(found.stderr).toContain("fail: scheduler process died unexpectedly")
    expect(found.code).toBe(1)
    const { failures, kept } = JSON.parse(found.stdout)
    expect(failures[0].cause).toContain("a task had its CPU for # ms, longer than it has been there")
    const file = join(root, kept[0].file)
    const again = await ktstr(["replay", file], { cwd: folder, deadlineMs: 200_000 })
    expect(again.stdout).toMatch(/^MATCHED steady, seed \d: fail: scheduler process died unexpectedly/)
    expect(again.code).toBe(0)
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ kind: "ktstr replay", outcome: "fail" })
    expect(await leftovers()).toEqual(none)
  })

  it("takes no scenario that the host runs live", async () => {
    const ended = await ktstr(["test", "test/examples/imperative", "--clock", "deterministic"])
    expect(`${ended.stdout}${ended.stderr}`).toContain("is a program, which the host runs in its own time")
    expect(ended.code).toBe(64)
  })

  it.each([
    [["--host"], "leave out --host"],
    [["--vmm", "native"], "use --vmm qemu-tcg"],
    [["--vmm", "qemu-kvm"], "use --vmm qemu-tcg"]
  ])("is refused with %j", async (args, words) => {
    const ended = await ktstr(["run", "steady", "--clock", "deterministic", ...args])
    expect(ended.code).toBe(64)
    expect(ended.stderr).toContain(words)
  })
})
