// Deterministic machines: a seed is a run wherever and under whatever load it is made, and a failure that a seed shows is there again.
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ktstr, leftovers, none, root, withoutWaits } from "./ktstr.ts"
import { readSchedTrace } from "./schedTrace.ts"

const program = join(root, "native/bpf/build/scx_ktstr")

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(process.env.KTSTR_TEST_TMP ?? tmpdir(), "deterministic-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const twoTests = `
import { CgroupDef, CpusetSpec, HoldSpec, Step } from "@ktstr/core"
import { ktstrTest } from "@ktstr/vitest"
import { describe } from "vitest"

ktstrTest("fair", { topology: "1n1l2c1t", durationS: 0.5 }, "steady")
describe("a suite", () => {
  ktstrTest("unfair", { topology: "1n2l1c1t", durationS: 0.5, maxSpreadPct: 15 }, () => [
    Step.withDefs(
      [CgroupDef.named("unfair").withCpuset(CpusetSpec.Llc(0)).workers(1).work({ workers: 1, nice: 19 })],
      HoldSpec.FULL
    )
  ])
})
`

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

  it("gives the same run on a host that stops the vCPU thread at the worst moments", { timeout: 300_000 }, async () => {
    const made = spawnSync("make", ["-C", join(root, "native/plugin"), `OUT=${folder}`, "preempt"], {
      encoding: "utf8"
    })
    expect(made.status, made.stderr).toBe(0)
    // A scheduler that stalls lets both CPUs idle, with timers that are due at the same time.
    const stalled = (env: Record<string, string>) =>
      ktstr(
        [
          ...["run", "steady", "--clock", "deterministic", "-t", "1n1l2c1t", "-d", "2", "--watchdog", "0"],
          ...["-s", program, "--sched-args", "--stall-after 0.5 --watchdog-ms 1000", "--format", "json"]
        ],
        { cwd: folder, env, deadlineMs: 200_000 }
      )
    const preempted = { LD_PRELOAD: join(folder, "preempt.so") }
    const ended = await Promise.all([stalled({}), stalled(preempted), stalled(preempted)])
    const runs = ended.map(({ code, stderr, stdout }) => {
      expect(code, stderr).toBe(1)
      return JSON.parse(stdout)
    })
    expect(runs[0].details[0]).toContain("runnable task stall")
    expect(runs[1].determinism).toEqual(runs[0].determinism)
    expect(runs[2].determinism).toEqual(runs[0].determinism)
    expect(await leftovers()).toEqual(none)
  })

  it("shows a race under some seed, which replays", { timeout: 600_000 }, async () => {
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
    const forked = await ktstr(["replay", file, "--fork", "--times", "2"], { cwd: folder, deadlineMs: 200_000 })
    expect(forked.stdout).toContain("2 of 2 matched")
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ kind: "ktstr replay", outcome: "fail" })
    expect(await leftovers()).toEqual(none)
  })

  it("runs tests: the same run through test, explore and replay", { timeout: 600_000 }, async () => {
    const project = mkdtempSync(join(folder, "project-"))
    symlinkSync(join(root, "node_modules"), join(project, "node_modules"))
    writeFileSync(join(project, "two.ktstr.ts"), twoTests)
    const both = await ktstr(["test", "--clock", "deterministic", "--seed", "3", "--format", "json"], {
      cwd: project,
      deadlineMs: 300_000
    })
    expect(both.stderr).toBe("")
    expect(both.code).toBe(1)
    const { runs } = JSON.parse(both.stdout)
    expect(runs).toMatchObject([
      { scenario: "fair", outcome: "pass", clock: "deterministic", determinism: { seed: 3 } },
      { scenario: "unfair", outcome: "fail", clock: "deterministic", determinism: { seed: 3 } }
    ])
    const found = await ktstr(
      ["explore", "two.ktstr.ts > unfair", "--seeds", "3..3", "--no-shrink", "--json", "--output", "replays"],
      { cwd: project, deadlineMs: 200_000 }
    )
    expect(withoutWaits(found.stderr)).toMatch(
      /^seed 3: fail: cgroup 'unfair': unfair cgroup: spread=.* · 1 of 1 · 1 schedule · 1 cause\n$/
    )
    expect(found.code).toBe(1)
    const { kept, scenario } = JSON.parse(found.stdout)
    expect(scenario).toBe("two.ktstr.ts > a suite > unfair")
    const file = JSON.parse(readFileSync(join(project, kept[0].file), "utf8"))
    expect(file.eventHash).toBe(runs[1].determinism.eventHash)
    expect(file.request).toMatchObject({
      test: { file: "two.ktstr.ts", name: "a suite > ktstr/unfair" },
      options: { topology: "1n2l1c1t", workers: "2", duration: "0.5" }
    })
    const again = await ktstr(["replay", kept[0].file, "--trace", "traced"], { cwd: project, deadlineMs: 300_000 })
    expect(again.stderr).toMatch(/^traced: fail: cgroup 'unfair': unfair cgroup: /)
    expect(again.stdout).toMatch(
      /^MATCHED two\.ktstr\.ts > a suite > unfair, seed 3: fail: cgroup 'unfair': unfair cgroup: /
    )
    expect(again.code).toBe(0)
    expect(readFileSync(join(project, "traced/console.log"), "utf8")).toContain("Linux version")
    const { problems, switches, wakings } = readSchedTrace(readFileSync(join(project, "traced/trace.txt"), "utf8"))
    expect(problems).toEqual([])
    expect([...switches.keys()].sort()).toEqual([0, 1])
    expect(wakings).toBeGreaterThan(100)
    // The two workers take turns on the CPU that they may have.
    const workers = (switches.get(0) ?? []).filter(({ comm }) => comm === "SpinWait")
    expect(new Set(workers.map(({ pid }) => pid)).size).toBe(2)
    expect(await leftovers()).toEqual(none)
  })

  it("takes no scenario that the host runs live, and no options that a test has itself", async () => {
    const [live, liveTest, option] = await Promise.all([
      ktstr(["test", "test/examples/imperative", "--clock", "deterministic"]),
      ktstr(["explore", "rebalance.ktstr.ts > the one ahead", "--seeds", "1..1"]),
      ktstr(["explore", "scheduling.ktstr.ts > a cgroup comes", "--seeds", "1..1", "--duration", "3"])
    ])
    expect(`${live.stdout}${live.stderr}`).toContain("is a program, which the host runs in its own time")
    expect(withoutWaits(liveTest.stderr)).toMatch(
      /^ktstr: test '.*rebalance\.ktstr\.ts > the one ahead is confined': .* is a program/
    )
    expect(withoutWaits(option.stderr)).toMatch(
      /^ktstr: --duration is for scenarios; 'scheduling\.ktstr\.ts > a cgroup comes' is none/
    )
    expect([live.code, liveTest.code, option.code]).toEqual([64, 64, 64])
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
