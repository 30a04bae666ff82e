// Machines in virtual time that are forked from one that has booted: each is the run from a boot, and none outlives anybody.
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import {
  HoldSpec,
  KernelResolver,
  Op,
  type RunResult,
  resolveScheduler,
  runScenario,
  Scenario,
  Scenarios,
  Scheduler,
  SchedulerBinary,
  Step,
  Topology
} from "@ktstr/core"
import { layerHarness } from "@ktstr/harness"
import { Effect, Either, Fiber, ManagedRuntime } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ktstr, leftovers, none, root } from "./ktstr.ts"
import { script } from "./scenarioRun.ts"

const forking = () => ManagedRuntime.make(layerHarness({ backend: "qemu-tcg", fork: true }))
const booting = ManagedRuntime.make(layerHarness({ backend: "qemu-tcg" }))
type Runtime = ReturnType<typeof forking>

const fixture = Scheduler.make("scx_ktstr", {
  binary: SchedulerBinary.Path(join(root, "native/bpf/build/scx_ktstr"))
})

interface Case {
  readonly scenario?: string | Scenario
  readonly scheduler?: Scheduler
  readonly topology?: string
  readonly seed: number
  readonly bootTimeoutMs?: number
}

const run = (of: Case) =>
  Effect.gen(function* () {
    const { scenario = "steady", scheduler, seed, topology = "1n2l1c1t" } = of
    return yield* runScenario({
      scenario:
        typeof scenario === "string" ? yield* Effect.flatMap(Scenarios, (known) => known.get(scenario)) : scenario,
      kernel: yield* Effect.flatMap(KernelResolver, (kernels) => kernels.resolve(undefined)),
      scheduler: scheduler === undefined ? undefined : yield* resolveScheduler(scheduler),
      topology: Either.getOrThrow(Topology.parse(topology)),
      durationMs: 500,
      workersPerCgroup: 2,
      seed,
      determinism: { seed }
    })
  })

/** Everything about a run but the host's times, files, and the last lines of a console that it stopped reading after the end. */
const story = ({ timings: _, savedIn: __, diagnostics: ___, ...result }: RunResult) => result

/** Emulators of a process at a fork point, and those forked from them. */
const machines = (
  of = process.pid
): { readonly parents: ReadonlyArray<number>; readonly children: ReadonlyArray<number> } => {
  const emulators = readdirSync("/proc").flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8")
      const words = readFileSync(`/proc/${name}/cmdline`, "utf8")
      if (!/^\d+$/.test(name) || !words.includes("ktstr-plugin.so")) return []
      return [{ pid: Number(name), parent: Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) }]
    } catch {
      return []
    }
  })
  const pids = new Set(emulators.map(({ pid }) => pid))
  const forked = emulators.filter(({ parent }) => pids.has(parent))
  const mine = emulators.filter(({ parent }) => parent === of)
  return {
    parents: mine.map(({ pid }) => pid),
    children: forked.filter(({ parent }) => mine.some(({ pid }) => pid === parent)).map(({ pid }) => pid)
  }
}

const isAlive = (pid: number): boolean => {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z")
  } catch {
    return false
  }
}

const residentKb = (pid: number): number =>
  Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1])

/** Ticks of 10 ms that a process has computed. One that has just been forked begins at 0. */
const ticks = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  const words = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return Number(words[11]) + Number(words[12])
}

const until = async <A>(look: () => A | undefined): Promise<A> => {
  for (;;) {
    const found = look()
    if (found !== undefined) return found
    await sleep(10)
  }
}

/** A child whose guest runs: before that its run could still go on by a boot of its own. */
const working = (): Promise<number> =>
  until(() => {
    const [child] = machines().children
    return child !== undefined && ticks(child) >= 10 ? child : undefined
  })

afterAll(() => booting.dispose())

describe("a forked machine", { timeout: 600_000 }, () => {
  let runtime: Runtime
  beforeAll(() => {
    runtime = forking()
  })
  afterAll(async () => {
    await runtime.dispose()
    expect(machines()).toEqual({ parents: [], children: [] })
    expect(await leftovers()).toEqual(none)
  })

  const cases: ReadonlyArray<Omit<Case, "seed">> = [
    { scenario: "steady", scheduler: fixture },
    { scenario: "cgroupAdd", topology: "2n4l1c1t" }
  ]
  it.each(cases)("is the run from a boot: $scenario", async (one) => {
    const seeds = [0, 7, 11]
    const forked = await runtime.runPromise(Effect.forEach(seeds, (seed) => run({ ...one, seed }), { concurrency: 2 }))
    // All of them share a boot.
    const hashes = forked.map(({ determinism }) => determinism?.eventHash)
    expect(new Set(hashes).size).toBe(seeds.length)
    const again = await runtime.runPromise(run({ ...one, seed: 7 }))
    expect(again.determinism?.eventHash).toBe(hashes[1])
    for (const [index, seed] of [0, 7].entries()) {
      const booted = await booting.runPromise(run({ ...one, seed }))
      expect(story(forked[index]!)).toEqual(story(booted))
    }
  })

  const broken = (text: string) =>
    Scenario.make({
      name: "broken",
      description: "breaks its machine",
      build: () => [Step.new([Op.AddCgroup("a"), Op.Spawn("a", script(text))], HoldSpec.FULL)]
    })

  it.each([
    ["panics", "$B sleep 0.1; echo c > /proc/sysrq-trigger", /panic/i],
    ["reboots", "$B sleep 0.1; echo b > /proc/sysrq-trigger", /./]
  ])("tells what a boot tells of a guest that %s", async (_, text, expected) => {
    const one: Case = { scenario: broken(text), seed: 0 }
    const forked = await runtime.runPromise(run(one))
    const booted = await booting.runPromise(run(one))
    expect(forked.outcome).toBe("fail")
    expect(forked.details.join("\n")).toMatch(expected)
    expect(forked.details).toEqual(booted.details)
  })

  it("boots by itself where the guest never gets to the fork point", async () => {
    const one: Case = { scheduler: Scheduler.make("none", { binary: SchedulerBinary.Path("/bin/false") }), seed: 0 }
    const forked = await runtime.runPromise(run(one))
    const booted = await booting.runPromise(run(one))
    expect(forked.outcome).toBe("fail")
    expect(story(forked)).toEqual(story(booted))
  })

  it("costs its parent no memory", async () => {
    const one = (seed: number) => run({ seed, topology: "1n1l1c1t" })
    await runtime.runPromise(one(1))
    const parent = machines().parents.at(-1)!
    const before = residentKb(parent)
    for (let seed = 2; seed < 12; seed++) await runtime.runPromise(one(seed))
    expect(machines().parents).toContain(parent)
    expect(residentKb(parent) - before).toBeLessThan(1024)
  })
})

describe("a qemu that can't fork", { timeout: 600_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "fork-"))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each([
    ["knows no plugins", "echo 'qemu: -plugin: invalid option' >&2; exit 1", "qemu: -plugin: invalid option"],
    ["lacks what the plugin needs", "echo 'ktstr: this qemu does not export x' >&2; exit 1", "does not export x"]
  ])("boots each machine and says once why, if it %s", async (_, refusal, reason) => {
    const real = (process.env.PATH ?? "").split(":").find((path) => existsSync(join(path, "qemu-system-x86_64")))
    writeFileSync(
      join(folder, "qemu-system-x86_64"),
      `#!/bin/sh\ncase "$*" in *ktstr-plugin.so*) ${refusal};; esac\nexec ${real}/qemu-system-x86_64 "$@"\n`,
      { mode: 0o755 }
    )
    const { code, stderr } = await ktstr(
      ["explore", "steady", "--seeds", "1..2", "-d", "0.5", "-t", "1n1l1c1t", "--output", folder],
      { env: { ...process.env, PATH: `${folder}:${process.env.PATH}` }, deadlineMs: 300_000 }
    )
    const warnings = stderr.split("\n").filter((line) => line.includes("each run boots by itself"))
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain(reason)
    expect(stderr.match(/^warning: .*without ktstr's plugin a busy host can make/gm), stderr).toHaveLength(1)
    expect(stderr.match(/^seed \d: pass/gm), stderr).toHaveLength(2)
    expect(code).toBe(0)
  })
})

describe("no forked machine outlives", { timeout: 600_000 }, () => {
  let runtime: Runtime
  beforeAll(() => {
    runtime = forking()
  })
  afterAll(() => runtime.dispose())

  it("its run, the parent of all, or itself", async () => {
    const both = Effect.forEach([1, 2], (seed) => run({ seed }), { concurrency: 2 })
    // An interruption.
    const interrupted = runtime.runFork(both)
    await until(() => (machines().children.length > 0 ? true : undefined))
    await Effect.runPromise(Fiber.interrupt(interrupted))
    expect(machines().children).toEqual([])
    // A child that somebody kills.
    const first = runtime.runPromise(run({ seed: 3 }))
    process.kill(await working(), "SIGKILL")
    const killed = await first
    expect(killed.outcome).toBe("fail")
    expect(killed.details.join("\n")).toContain("killed")
    // The parent of all: its children end with it, and the next run starts another.
    const [parent] = machines().parents
    const second = runtime.runPromise(run({ seed: 3 }))
    await working()
    process.kill(parent!, "SIGKILL")
    expect((await second).outcome).toBe("fail")
    await until(() => (machines().children.length === 0 ? true : undefined))
    const next = await runtime.runPromise(run({ seed: 3 }))
    expect(next.outcome).toBe("pass")
    expect(machines().parents).not.toContain(parent)
  })

  it("the process that started it, killed at any moment", async () => {
    for (const ms of [0, 150]) {
      const explore = spawn(
        process.execPath,
        [join(root, "cli/ktstr.js"), "explore", "steady", "--seeds", "1..9", "-j", "2", "-d", "0.5", "-t", "1n1l1c1t"],
        { cwd: root, stdio: "ignore" }
      )
      const child = await until(() => machines(explore.pid).children[0])
      const { parents } = machines(explore.pid)
      await sleep(ms)
      explore.kill("SIGKILL")
      await until(() => ([...parents, child].some(isAlive) ? undefined : true))
    }
    expect(await leftovers()).toEqual(none)
  })
})
