// External programs in a guest: Debian's own fio and stress-ng, and programs that misbehave.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  CgroupDef,
  CgroupManager,
  CpusetSpec,
  executeProgram,
  executeSteps,
  HoldSpec,
  Op,
  OutputRef,
  Payload,
  PayloadCheck,
  type PayloadOptions,
  type PayloadResult,
  Step,
  WorkloadEngine
} from "@ktstr/core"
import { regex } from "@ktstr/output-formats"
import { Effect } from "effect"
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest"
import { runSteps, type ScenarioRun } from "./scenarioRun.ts"

const folder = mkdtempSync(join(tmpdir(), "test-payloads-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (steps: ReadonlyArray<Step>): Promise<ScenarioRun> =>
  runSteps({
    topology: "1n1l2c1t",
    durationMs: 2000,
    kernel: inject("kernel").image,
    build: (ctx) => executeSteps(ctx, steps)
  })

const payload = (of: ScenarioRun, name: string, cgroup = "/"): PayloadResult => {
  const found = of.result.payloads.find((each) => each.name === name && each.cgroup === cgroup)
  if (found === undefined) throw new Error(`no payload ${name} in ${cgroup}`)
  return found
}

const metric = (of: PayloadResult, name: string): number => {
  const found = of.metrics.find((each) => each.name === name)
  if (found === undefined) throw new Error(`no metric ${name}: ${of.metrics.map((each) => each.name).join(", ")}`)
  return found.value
}

describe("fio and stress-ng", () => {
  const fio = Payload.make("fio", {
    binary: "fio",
    defaultArgs: ["--ioengine=sync", "--bs=4k", "--size=1m", "--time_based", "--runtime=1"],
    output: "fio",
    metrics: [{ name: "read.iops" }, { name: "write.clat_ns.p99", unit: "nanoseconds" }],
    defaultChecks: [PayloadCheck.min("read.iops", 1), PayloadCheck.range("error", 0, 0)]
  })
  const stressNg = Payload.make("stress-ng", {
    binary: "stress-ng",
    output: "stress-ng",
    defaultArgs: ["--switch", "1"],
    metrics: [{ name: "switch.bogo-ops" }]
  })
  let done: ScenarioRun
  beforeAll(async () => {
    done = await run([
      Step.new(
        [
          Op.AddCgroup("io"),
          Op.SetCpuset("io", CpusetSpec.Llc(0)),
          Op.RunPayload(fio, { cgroup: "io", args: ["--name=job", "--rw=randrw"] }),
          Op.RunPayload(stressNg, {
            args: ["--cpu", "1", "-t", "1"],
            checks: [PayloadCheck.max("cpu.bogo-ops-per-second-real-time", 0.001)]
          }),
          Op.WaitPayload(fio),
          Op.WaitPayload(stressNg)
        ],
        HoldSpec.Fixed(0)
      ),
      Step.withDefs([CgroupDef.named("noise").workers(1).payload(stressNg)], HoldSpec.Fixed("2 seconds"))
    ])
  })

  it("run with their libraries, and their numbers are read", () => {
    const io = payload(done, "fio", "io")
    expect(io.argv.slice(0, 3)).toEqual(["/usr/bin/fio", "--output-format=json", "--ioengine=sync"])
    expect(io).toMatchObject({ outcome: "pass", details: [], format: "fio", end: { kind: "Exited", code: 0 } })
    expect(io.durationMs).toBeGreaterThan(1000)
    expect(metric(io, "read.iops")).toBeGreaterThan(10)
    expect(metric(io, "read.bw_bytes") / metric(io, "read.iops")).toBeCloseTo(4096, -1)
    // Requested metrics come first, with their declarations.
    expect(io.metrics[1]).toMatchObject({ name: "write.clat_ns.p99", unit: "nanoseconds", polarity: "lower" })
    const stress = payload(done, "stress-ng")
    expect(metric(stress, "cpu.bogo-ops-per-second-real-time")).toBeGreaterThan(0.1)
  })

  it("fail the run by their checks", () => {
    expect(done.result.outcome).toBe("fail")
    expect(done.result.details).toHaveLength(1)
    expect(done.result.details[0]).toMatch(
      /^payload stress-ng: cpu\.bogo-ops-per-second-real-time is [\d.]+ bogo-ops\/s, at most 0\.001 expected$/
    )
  })

  it("without a time of their own end with their step, and say what they have done", () => {
    const noise = payload(done, "stress-ng", "noise")
    expect(noise).toMatchObject({ outcome: "pass", end: { kind: "Stopped" } })
    expect(metric(noise, "switch.bogo-ops")).toBeGreaterThanOrEqual(0)
    const workers = done.result.cgroups.find(({ name }) => name === "noise")?.workers
    expect(workers?.map(({ completed, iterations }) => [completed, iterations > 0])).toEqual([[true, true]])
  })
})

describe("programs of the test's own", () => {
  /** A program for busybox' shell in the guest. */
  const script = (name: string, text: string, options: Partial<PayloadOptions> = {}): Payload => {
    const file = join(folder, `${name}.sh`)
    writeFileSync(file, `#!/bin/busybox sh\nB=/bin/busybox\n${text}\n`)
    chmodSync(file, 0o755)
    return Payload.make(name, { binary: file, ...options })
  }
  let done: ScenarioRun
  beforeAll(async () => {
    mkdirSync(join(folder, "suite/data"), { recursive: true })
    writeFileSync(join(folder, "suite/data/number"), "ops: 1,234\n")
    writeFileSync(
      join(folder, "suite/bench"),
      '#!/bin/busybox sh\n/bin/busybox cat "$0-data/../data/number" "$DATA" >&2\n'
    )
    chmodSync(join(folder, "suite/bench"), 0o755)
    mkdirSync(join(folder, "suite/bench-data"))
    writeFileSync(join(folder, "suite/bench-data/keep"), "")
    const json = { output: OutputRef.Json }
    done = await run([
      Step.new(
        [
          Op.AddCgroup("a"),
          Op.RunPayload(
            Payload.make("suite", {
              binary: { guest: "/opt/suite/bench" },
              includeFiles: [`${join(folder, "suite")}:/opt/suite`],
              environment: { DATA: "/opt/suite/data/number" },
              output: regex({ ops: { pattern: /^ops: ([\d,]+)/m, unit: "ops", polarity: "higher" } }),
              defaultChecks: [PayloadCheck.range("ops", 1234, 1234)]
            })
          ),
          Op.RunPayload(Payload.make("absent", { binary: { guest: "/opt/absent" } })),
          Op.RunPayload(script("endless", "echo begun; $B sleep 1000", { output: "ExitCode" }), {
            // Long enough for a shell to begin on a busy host.
            timeout: "4 seconds"
          }),
          Op.RunPayload(script("patient", "$B sleep 1000"), { cgroup: "a" }),
          Op.RunPayload(script("garbage", "echo 'segfault? no: a banner {'; echo oops >&2", json)),
          Op.RunPayload(script("leaves", `echo '{"runs": [{"lat": 1.5}, {"lat": 2.5}], "ok": true}'`, json), {
            checks: [PayloadCheck.max("runs.1.lat", 3), PayloadCheck.min("runs.2.lat", 0)]
          }),
          Op.RunPayload(script("flood", "$B yes | $B head -c 20000000; exit 3"), {
            checks: [PayloadCheck.exitCode(3)]
          }),
          Op.RunPayload(script("crash", "echo about to die >&2; kill -SEGV $$")),
          Op.RunPayload(script("polite", 'trap \'echo "{\\"n\\": 7}"; exit 5\' TERM; $B sleep 1000 & wait', json), {
            checks: [PayloadCheck.min("n", 7)]
          }),
          Op.RunPayload(script("deaf", "trap '' TERM; echo here; while :; do $B sleep 1; done")),
          Op.RunPayload(script("placed", "$B cat /proc/self/cgroup; $B pwd; $B id -u", { directory: "/" }), {
            cgroup: "a"
          }),
          Op.WaitPayload("patient", { timeout: "3 seconds" }),
          Op.KillPayload("polite"),
          Op.WaitPayload("flood"),
          Op.WaitPayload("endless")
        ],
        HoldSpec.Fixed("1500 millis")
      )
    ])
  })
  const verdict = (name: string, cgroup?: string) => {
    const { details, end, outcome } = payload(done, name, cgroup)
    return [outcome, end.kind, ...details]
  }

  it("that comes with a directory finds its files, and its numbers on standard error", () => {
    expect(verdict("suite")).toEqual(["pass", "Exited"])
    expect(payload(done, "suite").metrics).toEqual([{ name: "ops", value: 1234, unit: "ops", polarity: "higher" }])
  })

  it("that is not in the guest is named", () => {
    const message = "payload absent can't be run: No such file or directory: /opt/absent"
    expect(verdict("absent")).toEqual(["fail", "NotRun", message])
  })

  it("that never ends is killed at its deadline, with what it had printed", () => {
    const { details, durationMs, end, stdoutTail } = payload(done, "endless")
    expect(end.kind).toBe("TimedOut")
    expect(details).toEqual([expect.stringMatching(/^payload endless still ran after \d\.\ds and was killed$/)])
    expect(durationMs).toBeGreaterThanOrEqual(4000)
    expect(stdoutTail).toEqual(["begun"])
  })

  it("that is waited for too long is killed, and the rest goes on", () => {
    expect(verdict("patient", "a")).toEqual([
      "fail",
      "TimedOut",
      expect.stringMatching(/^payload patient in a still ran after \d\.\ds and was killed$/)
    ])
    expect(done.result.stimuli.map(({ detail, kind }) => `${kind} ${detail}`)).toContain("KillPayload polite signal 15")
  })

  it("that prints garbage for JSON is inconclusive, and shows its first bytes", () => {
    expect(verdict("garbage")).toEqual([
      "inconclusive",
      "Exited",
      'payload garbage: its output is no JSON (it ends where a key in quotes should be at line 2, column 1); it begins with "segfault? no: a banner {"'
    ])
  })

  it("without a metric that is asked for is inconclusive, whatever else it has", () => {
    expect(verdict("leaves")).toEqual([
      "inconclusive",
      "Exited",
      "payload leaves: no metric 'runs.2.lat' in its output; did you mean 'runs.1.lat'?"
    ])
    expect(metric(payload(done, "leaves"), "runs.1.lat")).toBe(2.5)
  })

  it("that prints 20 MB is read to its end, and kept to 4 MiB", () => {
    const flood = payload(done, "flood")
    expect(verdict("flood")).toEqual(["pass", "Exited"])
    expect(flood.droppedBytes).toBe(20_000_000 - 4 * 2 ** 20)
    expect(flood.stdoutTail).toHaveLength(20)
  })

  it("that crashes is told by its signal and its last words", () => {
    expect(verdict("crash")).toEqual(["fail", "Signaled", "payload crash died of signal 11 (SIGSEGV): about to die"])
  })

  it("that is told to end may print its numbers then", () => {
    expect(verdict("polite")).toEqual(["pass", "Stopped"])
    expect(payload(done, "polite").end.code).toBe(5)
  })

  it("that does not hear is killed, without harm to the verdict", () => {
    expect(verdict("deaf")).toEqual(["pass", "Stopped"])
    expect(payload(done, "deaf").end.signal).toBe(9)
  })

  it("begins in its cgroup and directory", () => {
    expect(payload(done, "placed", "a").stdoutTail).toEqual(["0::/a", "/", "0"])
  })

  it("come in the order of their starts, and the worst decides", () => {
    expect(done.result.payloads.map(({ name }) => name).slice(0, 3)).toEqual(["suite", "absent", "endless"])
    expect(done.result.outcome).toBe("fail")
    expect(done.result.diagnostics).toBeNull()
  })
})

describe("of a scenario that is a program", () => {
  const shell = Payload.make("shell", {
    binary: "/bin/busybox",
    defaultArgs: ["sh", "-c"],
    output: OutputRef.Json,
    defaultChecks: [PayloadCheck.min("n", 1)]
  })
  const exits = (name: string, code: number) =>
    Payload.make(name, { binary: "/bin/busybox", defaultArgs: ["sh", "-c", `exit ${code}`] })
  const sleeps = Payload.make("left", { binary: "/bin/busybox", defaultArgs: ["sleep", "100"] })

  it("run, are spawned, stopped, and judged all the same", async () => {
    const seen: Record<string, unknown> = {}
    const { result } = await runSteps({
      topology: "1n1l2c1t",
      durationMs: 1000,
      kernel: inject("kernel").image,
      hostTime: true,
      build: (ctx) =>
        executeProgram(
          ctx,
          Effect.gen(function* () {
            const cgroups = yield* CgroupManager
            yield* cgroups.create("a/b")
            const ran = yield* ctx.payload(shell).args("echo '{\"n\": 3}'").inCgroup("a/b").run()
            seen.ran = [ran.outcome, ran.end.kind, ran.metrics[0]?.value]
            const loop = `trap 'echo "{\\"n\\": 5}"; exit 7' TERM; /bin/busybox sleep 100 & wait`
            const spawned = yield* ctx.payload(shell).args(loop).inCgroup("a/b").spawn()
            const engine = yield* WorkloadEngine
            yield* engine.hold("500 millis")
            // Frozen, it could not see that it is to stop.
            yield* cgroups.write("a/b", "cgroup.freeze", "1")
            const stopped = yield* spawned.stop
            seen.stopped = [stopped.end.kind, stopped.end.code, stopped.metrics[0]?.value]
            yield* spawned.signal(1)
            yield* ctx.payload(shell).args("/bin/busybox sleep 100").timeout("300 millis").run()
            const elsewhere = yield* Effect.flip(ctx.payload(shell).inCgroup("typo").args(":").run())
            seen.elsewhere = elsewhere.message
            const absent = yield* Effect.flip(ctx.payload(Payload.make("fio", { binary: "fio" })).run())
            seen.absent = absent.message
            yield* Effect.flatMap(ctx.payload(exits("failing", 9)).spawn(), ({ result }) => result)
            yield* ctx.payload(shell).args("echo '{\"n\": 0}'").checks(PayloadCheck.min("n", 0)).run()
            // What is left is stopped with the program.
            yield* ctx.payload(sleeps).spawn()
          }),
          { payloads: [shell] }
        )
    })
    expect(result.details).toEqual([
      expect.stringMatching(/^payload shell still ran after \d\.\ds and was killed$/),
      "payload failing ended with 9, expected 0"
    ])
    expect(seen).toEqual({
      ran: ["pass", "Exited", 3],
      stopped: ["Stopped", 7, 5],
      elsewhere: "payload 'shell' in cgroup 'typo': No such file or directory: /sys/fs/cgroup/typo/cgroup.procs",
      absent: "payload 'fio' needs fio; name it among the program's payloads"
    })
    expect(result.payloads.map(({ cgroup, end, name, outcome }) => [name, cgroup, outcome, end.kind])).toEqual([
      ["shell", "a/b", "pass", "Exited"],
      ["shell", "a/b", "pass", "Stopped"],
      ["shell", "/", "fail", "TimedOut"],
      ["failing", "/", "fail", "Exited"],
      ["shell", "/", "pass", "Exited"],
      ["left", "/", "pass", "Stopped"]
    ])
    expect(result.outcome).toBe("fail")
  })
})

describe("before anything is booted", () => {
  const refused = (options: PayloadOptions) =>
    run([Step.new([Op.RunPayload(Payload.make("x", options))], HoldSpec.Fixed(0))]).then(
      () => "it ran",
      (error: unknown) => String(error)
    )

  it("a program that is not on this host is named", async () => {
    expect(await refused({ binary: "no-such-program" })).toContain(
      "payload 'x': -i no-such-program: not found in filesystem or PATH"
    )
  })

  it("a program that can't be executed is named", async () => {
    const file = join(folder, "plain")
    writeFileSync(file, "")
    chmodSync(file, 0o644)
    expect(await refused({ binary: file })).toContain(
      `payload 'x': ${file} is not executable; make it so: chmod +x ${file}`
    )
  })

  it("a directory is no program", async () => {
    expect(await refused({ binary: folder })).toContain(`payload 'x': ${folder} is a directory; name the program in it`)
  })

  it("an output format that nobody registered is named", async () => {
    expect(await refused({ binary: "fio", output: "foi" })).toContain(
      "unknown output format 'foi'; did you mean 'fio'?"
    )
  })

  it("two sources for one place in the guest are both named", async () => {
    const message = await refused({ binary: "/bin/sh:/opt/x", includeFiles: ["/bin/ls:/opt/x"] })
    expect(message).toMatch(/-i \/bin\/sh:\/opt\/x and -i \/bin\/ls:\/opt\/x both put a file at \/opt\/x in the guest/)
  })
})
