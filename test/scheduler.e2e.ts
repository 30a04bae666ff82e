// The life of a scheduler in a guest: what each way to misbehave is reported as. The scheduler is native/bpf's, whose options are the knobs.
import { execFileSync } from "node:child_process"
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ResultJson } from "@ktstr/reporters"
import { afterAll, describe, expect, inject, it } from "vitest"
import { type Ended, ktstr, leftovers, none, root } from "./ktstr.ts"
import { guestKernel, kernel612 } from "./lab/GuestKernel.ts"

const fixture = join(root, "native/bpf/build/scx_ktstr")
const scratch = mkdtempSync(join(tmpdir(), "test-ktstr-scheduler-"))
afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true })
  expect(await leftovers()).toEqual(none)
})

const kernel = () => inject("kernel").image
const runs = join(scratch, "runs")

const run = (args: ReadonlyArray<string>): Promise<Ended> =>
  ktstr(["run", "--kernel", kernel(), ...(args.includes("--topology") ? [] : ["--topology", "1n1l2c1t"]), ...args], {
    env: { KTSTR_SIDECAR_DIR: runs },
    deadlineMs: 150_000
  })

/**
 * Runs under the fixture, with its options as words, to a result. In virtual time: what is reported depends on when it happened, and must not on
 * what else the host does. How fairly these runs of a second or two share their CPUs is not what they are about.
 */
const under = async (options: string, args: ReadonlyArray<string>): Promise<ResultJson> => {
  const sched = ["--scheduler", fixture, ...(options === "" ? [] : ["--sched-args", options])]
  const asked = ["--max-spread-pct", "100", "--clock", "deterministic", "--format", "json"]
  const { code, stderr, stdout } = await run([...args, ...sched, ...asked])
  expect(stdout, stderr).not.toBe("")
  const result: ResultJson = JSON.parse(stdout)
  expect(code, stderr).toBe({ pass: 0, fail: 1, inconclusive: 2, skip: 0 }[result.outcome])
  return result
}

const program = (name: string, content: string | Uint8Array, mode = 0o755): string => {
  const file = join(scratch, name)
  writeFileSync(file, content)
  chmodSync(file, mode)
  return file
}

const oneLine = (text: string): string => {
  const lines = text
    .trim()
    .split("\n")
    .filter((line) => !line.startsWith("warning:"))
  expect(lines).toHaveLength(1)
  return lines[0]!
}

describe("a scheduler that behaves", () => {
  it("passes, and is reported with what attaching took", async () => {
    // A slow start within the limit is no fault, and is part of what attaching took.
    const result = await under("--slow-start 1.5", ["steady", "--duration", "2"])
    expect(result.details).toEqual([])
    expect(result.scheduler).toBe("scx_ktstr")
    const { attachMs, ...report } = result.schedulerReport!
    expect(report).toMatchObject({
      profile: "default",
      program: fixture,
      ops: "ktstr",
      starts: 1,
      enableSeq: 1,
      nrRejected: 0,
      exit: "its process exited with status 0",
      kernelReason: null,
      log: [],
      dump: []
    })
    expect(attachMs).toBeGreaterThan(1500)
    expect(attachMs).toBeLessThan(60_000)
    expect(result.savedIn).toBeNull()
  })
})

describe.concurrent("what the fixture's knobs are reported as", () => {
  it("the verifier refuses it", async () => {
    const { details, schedulerReport } = await under("--refuse-verify", ["steady", "--duration", "1"])
    expect(details[0]).toMatch(
      /^the kernel's verifier refused program ktstr_enqueue: R\d invalid mem access '.*' \(Permission denied\)$/
    )
    expect(details[1]).toMatch(
      /^scheduler scx_ktstr exited with status 1 before it attached \(\d+\.\ds after its start\)$/
    )
    expect(details.at(-1)).toMatch(/^its last words: .*Permission denied/)
    expect(schedulerReport!.attachMs).toBeNull()
    expect(schedulerReport!.log.join("\n")).toMatch(/BEGIN PROG LOAD LOG[\s\S]*invalid mem access/)
  })

  it("the verifier gives a loop up: 7 MB of log, of which its last lines are shown", async () => {
    const { details, schedulerReport } = await under("--verify-loop", ["steady", "--duration", "1"])
    expect(details[0]).toBe(
      "the kernel's verifier refused program ktstr_enqueue: The sequence of 8193 jumps is too complex (Argument list too long)"
    )
    expect(details[1]).toMatch(/^scheduler scx_ktstr exited with status 1 before it attached/)
    expect(details[2]).toMatch(/^the verifier's last line: processed \d+ insns \(limit 1000000\)/)
    const log = schedulerReport!.log
    expect(log.length).toBeLessThan(220)
    expect(log.join("\n")).toMatch(/jumps is too complex\.\nprocessed \d+ insns .*\n-- END PROG LOAD LOG --/)
  })

  it("it calls scx_bpf_error: the kernel's reason, the dump, and where all of it is", async () => {
    const { details, diagnostics, savedIn, schedulerReport } = await under("--error-after 1", [
      "steady",
      "--duration",
      "4",
      "--watchdog",
      "0"
    ])
    expect(details).toEqual([
      expect.stringMatching(
        /^scheduler process died unexpectedly during step 1 of 1 \(\d\.\ds into test\); the kernel's reason: scx_bpf_error: told to fail after 1000 ms$/
      ),
      "its process exited with status 1"
    ])
    expect(schedulerReport!.dump.join("\n")).toMatch(/triggered exit kind 1025[\s\S]*CPU states/)
    expect(diagnostics!.stage).toBe("scenario done")
    expect(savedIn).toContain(runs)
    expect(readFileSync(join(savedIn!, "sched_ext_dump.txt"), "utf8")).toContain("CPU states")
    expect(readFileSync(join(savedIn!, "scheduler.log"), "utf8")).toContain("attached")
    expect(readFileSync(join(savedIn!, "console.log"), "utf8")).toContain("disabled (scx_bpf_error)")
  })

  it("it stalls: the worker watchdog takes a dump and ends it", async () => {
    const { details, schedulerReport } = await under("--stall-after 1", ["steady", "--duration", "8"])
    expect(details[0]).toMatch(
      /^scheduler stalled during step 1 of 1 \(\d\.\ds into test\): worker \d of cg_\d was runnable for \d\.\ds and did not run, last on cpu\d; none of 4 workers ran$/
    )
    expect(details[1]).toMatch(/worker watchdog/)
    expect(schedulerReport!.dump.join("\n")).toMatch(/SysRq-D|CPU states/)
  })

  it("it exits by itself, in good order or not", async () => {
    const clean = await under("--exit-after 1", ["steady", "--duration", "3"])
    expect(clean.details[0]).toMatch(/^scheduler process exited by itself during step 1 of 1/)
    const failed = await under("--exit-after 1 --exit-code 3", ["steady", "--duration", "3"])
    expect(failed.details[0]).toMatch(
      /^scheduler process died unexpectedly during step 1 of 1 \(\d\.\ds into test\); its process exited with status 3$/
    )
  })

  it("it starves a cgroup: notStarved", async () => {
    const { details } = await under("--starve cg_1", ["steady", "--duration", "1.8", "--max-gap-ms", "1000"])
    // It may begin before the workers are released; then the watchdog is the first to see it.
    expect(details[0]).toMatch(
      /^cgroup 'cg_1' worker \d: stuck \d{4}ms on cpu\d at|worker \d of cg_1 was runnable for 2\.\ds and did not run, /
    )
    expect(details.join("\n")).not.toContain("cg_0")
  })

  it("it uses one CPU: gaps", async () => {
    const { details } = await under("--one-cpu 0 --slice-us 100000", [
      "steady",
      "--duration",
      "2",
      "--max-gap-ms",
      "150"
    ])
    expect(details[0]).toBe("4 workers ran on cpu0 only, allowed were 0-1: each was stuck for longer than 150ms")
    expect(details[1]).toMatch(/stuck \d{3,}ms on cpu0 at \+\d+ms \(threshold 150ms\)/)
  })

  it("it degrades, pausing longer from second to second: gaps of all workers at once", async () => {
    // Its end comes in the third pause, which all four workers see.
    const { details } = await under("--degrade 200", ["steady", "--duration", "3", "--max-gap-ms", "250"])
    expect(details[0]).toMatch(/^all 4 workers were stuck at once for \d{3}ms at \+\d{4}ms \(threshold 250ms\)$/)
    expect(details[1]).toMatch(/stuck \d{3}ms on cpu\d at \+\d{4}ms \(threshold 250ms\)/)
  })

  it("it ignores cpusets: the kernel ends it, at once after the step that set them", async () => {
    const { details } = await under("--ignore-cpusets", ["cpusetApply", "--duration", "3", "--topology", "1n2l2c1t"])
    expect(details[0]).toMatch(
      /^scheduler process died unexpectedly after completing step 1 of 2 \(\d\.\ds into test\); the kernel's reason: runtime error: .*target CPU \d not allowed for/
    )
  })

  it("it lets every task go everywhere: isolation", async () => {
    const { details } = await under("--widen-cpusets", [
      "steadyLlc",
      "--duration",
      "2",
      "--topology",
      "1n2l2c1t",
      "--isolation"
    ])
    expect(details.join("\n")).toMatch(
      /^cgroup 'cg_\d' worker \d: not isolated: ran on cpus \S+, allowed are only (0-1|2-3)$/m
    )
  })
})

describe("the time of the kernel's own watchdog", () => {
  // In ktstrTest, below, a stall shows that it took effect.
  it("is put into a scheduler's call and into no other, and outlives callers killed in the midst of one", async () => {
    const folder = join(root, "native/agent")
    execFileSync("make", ["-s", "-C", folder, "build/test/timeout_test"])
    const include = `${join(folder, "build/test/timeout_test")}:/usr/bin/timeout_test`
    const args = ["exec", "--kernel", kernel(), "-t", "1n1l2c1t", "-i", include, "timeout_test"]
    const { code, stderr, stdout } = await ktstr(args)
    expect(stdout, stderr).toMatch(/^timeout_test: 8 checks, 0 failed\r?\n$/)
    expect(code).toBe(0)
  })
})

describe.concurrent("schedulers that can't be run", () => {
  const steady = ["steady", "--duration", "1"]

  it("on a kernel without sched_ext: said before anything boots, or at once by the guest", async () => {
    const without = await guestKernel(kernel612)
    const refused = await ktstr(["run", ...steady, "--kernel", without.version, "--scheduler", fixture])
    expect(oneLine(refused.stderr)).toMatch(
      /^ktstr: scheduler 'scx_ktstr' can't attach: kernel \d\S+ has no sched_ext \(CONFIG_SCHED_CLASS_EXT\); the cache has one that does: --kernel \d\S+-x86_64\S*$/
    )
    expect(refused.code).toBe(69)
    // Of an image outside the cache nothing is known.
    const booted = await ktstr(
      [
        "run",
        ...steady,
        "--topology",
        "1n1l1c1t",
        "--kernel",
        without.image,
        "--scheduler",
        fixture,
        "--format",
        "json"
      ],
      { env: { KTSTR_SIDECAR_DIR: runs } }
    )
    expect(JSON.parse(booted.stdout).details[0]).toMatch(
      /^scheduler scx_ktstr can't attach: kernel \d\S+ has no sched_ext/
    )
    expect(booted.code).toBe(1)
  })

  it("on a machine that it is not made for: skipped with the reason, without a boot", async () => {
    const args = ["run", ...steady, "--scheduler", "picky", "--topology", "1n1l1c1t", "--kernel", kernel()]
    const { code, stdout, stderr } = await ktstr(args, { cwd: join(root, "test/fixtures/constrained") })
    expect(stdout, stderr).toMatch(/^SKIP steady: scheduler 'picky' needs at least 2 LLCs; topology 1n1l1c1t has 1\n/)
    expect(code).toBe(0)
  })

  it.each([
    ["no execute bit", () => program("plain", "#!/bin/sh\n", 0o644), /is not executable; run: chmod \+x/],
    ["no program", () => program("text", "hello\n"), /is no program/],
    ["nothing there", () => join(scratch, "absent"), /scheduler 'absent' not found: there is no file/]
  ])("%s", async (_name, make, says) => {
    const { code, stderr } = await run([...steady, "--scheduler", make()])
    expect(oneLine(stderr)).toMatch(says)
    expect(code).toBe(69)
  })

  it("a library that is not there", async () => {
    const bytes = readFileSync("/usr/bin/env")
    const at = bytes.indexOf("libc.so.6")
    bytes.write("libq.so.6", at, "latin1")
    const { code, stderr } = await run([...steady, "--scheduler", program("orphan", bytes)])
    expect(oneLine(stderr)).toMatch(/library libq\.so\.6, needed by .*orphan, was not found/)
    expect(code).toBe(69)
  })

  it("one that prints its arguments and goes: they came in their order, with the words it said", async () => {
    const script = program("scx_args", '#!/bin/sh\necho "args: $*"\nexit 7\n')
    const { code, stdout } = await run([...steady, "--scheduler", script, "--sched-args", "-a 1", "--sched-args", "-b"])
    expect(stdout).toMatch(/^FAIL steady: scheduler scx_args exited with status 7 before it attached/)
    expect(stdout).toContain("its last words: args: -a 1 -b")
    // Its whole log is in the line above, and does not come a second time.
    expect(stdout).not.toContain("--- scheduler log ---")
    expect(stdout).toMatch(/\n {2}--- console · scenario done[\s\S]*\n {2}saved in \//)
    expect(code).toBe(1)
  })

  it("100 MB of log before the end: bounded, beginning and end", async () => {
    const source = join(scratch, "noise.c")
    const line = "0123456789".repeat(9)
    const loop = `for (int i = 0; i < 1100000; i++) puts("${line}");`
    writeFileSync(source, `#include <stdio.h>\nint main(void) { puts("begins"); ${loop} puts("ends"); return 1; }\n`)
    const noise = join(scratch, "scx_noise")
    execFileSync("gcc", ["-static", "-O2", "-o", noise, source])
    const { stdout } = await run([...steady, "--scheduler", noise, "-f", "json"])
    const result: ResultJson = JSON.parse(stdout)
    expect(result.details[0]).toMatch(/exited with status 1 before it attached/)
    expect(result.details[1]).toBe("its last words: ends")
    const { log } = result.schedulerReport!
    expect([log[0], log.at(-1)]).toEqual(["begins", "ends"])
    expect(log.length).toBeLessThan(50)
    const saved = readFileSync(join(result.savedIn!, "scheduler.log"), "utf8")
    expect(saved.length).toBeLessThan(140_000)
    expect(saved).toMatch(/… (99|1\d\d)\d{6} bytes of output left out …/)
  })
})

describe("in ktstrTest", () => {
  it("detaches, attaches and restarts in mid-run, places cgroups below a parent, and knows built-in schedulers", async () => {
    const results: Array<ResultJson> = []
    // In virtual time but for the program, which has the host's.
    for (const [filter, ...clock] of [["ktstr/(?!live)", "--clock", "deterministic"], ["ktstr/live"]]) {
      const { code, stdout, stderr } = await ktstr(
        [
          ...["test", "test/fixtures/schedulers.ktstr.ts", "--kernel", kernel(), "--format", "json"],
          ...["--filter", filter ?? "", ...clock]
        ],
        { env: { KTSTR_SIDECAR_DIR: runs, KTSTR_SCHEDULER: fixture }, deadlineMs: 280_000 }
      )
      expect(stdout, stderr).not.toBe("")
      const told = JSON.parse(stdout)
      results.push(...(told.runs ?? [told]))
      expect(code, stdout).toBe(0)
    }
    const of = (name: string) => results.find(({ scenario }) => scenario === name)!
    expect(results.map(({ details, outcome, scenario }) => ({ scenario, outcome, details }))).toEqual(
      results.map(({ scenario }) => ({ scenario, outcome: "pass", details: [] }))
    )
    expect(results).toHaveLength(7)
    const ops = of("ops").schedulerReport!
    expect([ops.starts, ops.enableSeq, ops.profile, ops.args]).toEqual([3, 3, "llc", ["--slice-us", "4000", "--llc"]])
    expect(of("ops").stimuli.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(["DetachScheduler", "AttachScheduler", "RestartScheduler"])
    )
    expect(of("parent").cgroups.map(({ name }) => name)).toEqual(["in the parent"])
    expect(of("parent").schedulerReport).toMatchObject({ starts: 1, ops: "ktstr" })
    expect(of("parent").payloads?.map(({ name, outcome }) => [name, outcome])).toEqual([["place", "pass"]])
    expect(of("builtin")).toMatchObject({ scheduler: "features", schedulerReport: { ops: null, starts: 1 } })
    expect(of("late").schedulerReport).toMatchObject({ starts: 0, attachMs: null })
    expect(of("expected").outcome).toBe("pass")
    expect(of("live").schedulerReport).toMatchObject({ starts: 1, ops: "ktstr" })
    expect(results.map(({ savedIn }) => savedIn)).toEqual(results.map(() => null))
    // Nor anywhere that KTSTR_SIDECAR_DIR does not name. Other files' tests run meanwhile, and may.
    const elsewhere = join(root, ".ktstr/runs/failures")
    const saved = existsSync(elsewhere) ? readdirSync(elsewhere) : []
    expect(saved.filter((name) => results.some(({ scenario }) => name.endsWith(`-${scenario}`)))).toEqual([])
  }, 300_000)
})
