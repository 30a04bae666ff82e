import { describe, expect, it } from "@effect/vitest"
import { Either } from "effect"
import { FlagProfile, KtstrTest, type KtstrTestOptions, Scheduler, SchedulerBinary } from "../../src/index.ts"
import { Command } from "../../src/protocol/Command.ts"
import {
  placeBelow,
  resolvedEevdf,
  SchedulerError,
  schedulerArgs,
  schedulerCommands
} from "../../src/scheduler/index.ts"

const mine = Scheduler.make("scx_mine", {
  binary: SchedulerBinary.Discover("scx_mine"),
  flags: { llc: { args: ["--enable-llc"] }, steal: { args: ["--steal"], requires: ["llc"] } },
  topology: "2n4l2c2t",
  schedArgs: ["--slice", "5000"],
  sysctls: { "kernel.sched_rt_runtime_us": 950_000 },
  constraints: { minLlcs: 2 },
  assert: { maxGapMs: 500 }
})

const options = <F extends string = never>(given: KtstrTestOptions<F>): KtstrTestOptions<F> => given
const test = (given: KtstrTestOptions) => KtstrTest.make("t", given, "steady")
const refused = (declare: () => unknown): string => {
  try {
    declare()
  } catch (error) {
    expect(error).toBeInstanceOf(SchedulerError)
    return (error as SchedulerError).message
  }
  throw new Error("accepted")
}

describe("Scheduler.make", () => {
  it("types its flags: a misspelt one does not compile", () => {
    const good = options({ scheduler: mine, requiredFlags: ["steal"], excludedFlags: [] })
    // @ts-expect-error: no such flag
    const misspelt = options({ scheduler: mine, requiredFlags: ["stael"] })
    // @ts-expect-error: no such flag
    const excluded = options({ scheduler: mine, excludedFlags: ["lcc"] })
    // @ts-expect-error: without a scheduler there are no flags
    const none = options({ requiredFlags: ["llc"] })
    const declare = () =>
      Scheduler.make("x", {
        binary: SchedulerBinary.Eevdf,
        // @ts-expect-error: requires a flag that is not declared
        flags: { llc: { args: [] }, steal: { args: [], requires: ["lcc"] } }
      })
    expect(Either.isRight(test(good))).toBe(true)
    // What gets past the compiler is refused where it is written.
    for (const wrong of [misspelt, excluded, none]) expect(Either.isLeft(test(wrong as KtstrTestOptions))).toBe(true)
    expect(refused(declare)).toBe("scheduler 'x': flag 'steal' requires 'lcc', which is none of its flags")
  })

  it.each([
    [{ kargs: ["console=ttyS1"] }, /kernel argument 'console=ttyS1': console= is ktstr's own and can't be overridden/],
    [{ kargs: ["quiet", "init=/bin/sh"] }, /init= is ktstr's own/],
    [{ kargs: ["loglevel=0"] }, /loglevel= is ktstr's own/],
    [{ topology: "1n2l" }, /1n2l/],
    [{ cgroupParent: "a//b" }, /cgroupParent 'a\/\/b' must be a path/],
    [{ startTimeoutS: 0 }, /startTimeoutS must be a number of seconds greater than 0, got 0/],
    [{ flags: { "a+b": { args: [] } } }, /flag 'a\+b': a name is one word/]
  ])("refuses %j", (given, says) => {
    const message = refused(() => Scheduler.make<string>("x", { binary: SchedulerBinary.Eevdf, ...given }))
    expect(message).toMatch(says)
    expect(message).not.toContain("\n")
  })

  it("takes kernel arguments that merely begin alike", () => {
    const kargs = ["consoleblank=0", "initcall_debug", "isolcpus=1"]
    expect(Scheduler.make("x", { binary: SchedulerBinary.Eevdf, kargs }).kargs).toEqual(kargs)
  })
})

describe("a test's scheduler", () => {
  const made = (given: KtstrTestOptions) => Either.getOrThrow(test(given))

  it("gives the topology where the test gives none, and the dimensions it leaves out", () => {
    expect(String(made({ scheduler: mine }).topology)).toBe("2n4l2c2t")
    expect(String(made({ scheduler: mine, cores: 1 }).topology)).toBe("2n4l1c2t")
    expect(String(made({ scheduler: mine, topology: "1n1l1c1t" }).topology)).toBe("1n1l1c1t")
  })

  it("has constraints that the test's own come before", () => {
    expect(KtstrTest.unmet(made({ scheduler: mine, topology: "1n1l2c1t" }))).toMatch(/needs at least 2 LLCs/)
    const relaxed = { scheduler: mine, topology: "1n1l2c1t", constraints: { minLlcs: 1 } }
    expect(KtstrTest.unmet(made(relaxed))).toBeUndefined()
  })
})

describe("schedulerArgs", () => {
  const profile = Either.getOrThrow(FlagProfile.of(mine, ["llc"]))
  const placed = { ...mine, cgroupParent: "cells", configFile: "/home/me/my.json" }

  it("come in their order: config, parent, own, the test's, flags", () => {
    expect(schedulerArgs(placed, profile, ["--verbose"])).toEqual([
      ...["--config", "/include-files/my.json", "--cell-parent-cgroup", "/cells"],
      ...["--slice", "5000", "--verbose", "--enable-llc"]
    ])
  })

  it.each([[["--cell-parent-cgroup", "/x"]], [["--cell-parent-cgroup=/x"]]])(
    "leave a parent given as %j alone",
    (extra) => {
      const args = schedulerArgs(placed, FlagProfile.none, extra)
      expect(args.filter((word) => word.startsWith("--cell-parent-cgroup"))).toHaveLength(1)
      expect(args.at(-1)).toBe(extra.at(-1))
    }
  )
})

describe("the commands of a run", () => {
  const resolved = { ...resolvedEevdf, scheduler: mine, program: "/home/me/scx_mine", args: ["-v"] }

  it("start the scheduler before and stop it after", () => {
    const { after, before } = schedulerCommands(resolved, {
      program: "/home/me/scx_mine",
      watchdogMs: 2000,
      timeoutMs: 4000
    })
    expect(before.map(({ _tag }) => _tag)).toEqual(["SchedConfig", "SchedStart"])
    expect(before[0]).toMatchObject({
      name: "scx_mine",
      builtin: false,
      start: ["/home/me/scx_mine", "-v"],
      startTimeoutNs: 60e9,
      watchdogNs: 2e9,
      timeoutMs: 4000
    })
    expect(after.map(({ _tag }) => _tag)).toEqual(["SchedStop"])
    expect(schedulerCommands(resolvedEevdf, { program: undefined, watchdogMs: 2000 })).toEqual({
      before: [],
      after: []
    })
  })

  it("of a built-in one are lines of a shell, without a watchdog", () => {
    const builtin = Scheduler.make("features", {
      binary: SchedulerBinary.KernelBuiltin({ enable: ["echo A > /a", "echo B > /b"], disable: [] })
    })
    const { before } = schedulerCommands({ ...resolved, scheduler: builtin }, { program: undefined, watchdogMs: 2000 })
    expect(before[0]).toMatchObject({
      builtin: true,
      start: ["/bin/sh", "-e", "-c", "echo A > /a\necho B > /b"],
      stop: [],
      watchdogNs: 0,
      timeoutMs: 0
    })
  })

  it("put every cgroup below the parent, and leave the root alone", () => {
    const commands = [
      Command.CgroupCreate({ path: "a/b", controllers: [] }),
      Command.CgroupMoveAll({ from: "a", to: "" }),
      Command.Hold({ ns: 1 })
    ]
    expect(placeBelow(commands, "ktstr/cells")).toEqual([
      Command.CgroupCreate({ path: "ktstr/cells/a/b", controllers: [] }),
      Command.CgroupMoveAll({ from: "ktstr/cells/a", to: "" }),
      Command.Hold({ ns: 1 })
    ])
    expect(placeBelow(commands, undefined)).toBe(commands)
  })
})
