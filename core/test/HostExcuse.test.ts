import { describe, expect, it } from "@effect/vitest"
import { Exit } from "effect"
import * as fc from "fast-check"
import type { Assert } from "../src/check/Assert.ts"
import { AssertResult, type Outcome } from "../src/check/AssertResult.ts"
import { judge, verdictOf } from "../src/check/Checker.ts"
import type { PlannedGroup } from "../src/check/Expected.ts"
import { expectFailure } from "../src/check/expectFailure.ts"
import { GuestClock, type HostTime, makeHostTime } from "../src/check/HostTime.ts"
import type { WorkerReport } from "../src/check/WorkerReport.ts"
import { HostDelayTimeline } from "../src/machine/HostDelay.ts"
import type { SchedulerEndCause, SchedulerExitKind } from "../src/protocol/Telemetry.ts"
import { endCauses } from "../src/run/endCauses.ts"
import { failuresOf } from "../src/run/programRun.ts"
import { WorkloadError } from "../src/scenario/WorkloadEngine.ts"
import { CommandRefused, lateWait } from "../src/session/LiveGuest.ts"
import { SessionRecord } from "../src/session/Record.ts"
import { CpuSet } from "../src/topology/CpuSet.ts"
import { ms, type ReportOptions, report as sound } from "./reports.ts"

/** A worker that ran 10 s from the guest's second on. */
const report = (index: number, options: ReportOptions = {}): WorkerReport =>
  sound({
    index,
    tid: 100 + index,
    workUnits: 1_000_000,
    startTimeNs: 1000 * ms,
    cpusUsed: [index],
    maxGapAtNs: 6000 * ms,
    allowedCpus: [0, 1],
    ...options
  })

const group: PlannedGroup = {
  group: 0,
  cgroup: "cg_0",
  workType: "SpinWait",
  workers: 2,
  groupSize: 1,
  blocks: true,
  step: 0,
  cpusets: [],
  allowedCpus: [CpuSet.range(0, 2), CpuSet.range(0, 2)]
}

/** A host that withheld a share of each 25 ms between two moments of the guest, milliseconds; both clocks began at 0. */
const hostWith = (share: number, fromMs = 0, toMs = 20_000): HostTime => {
  const timeline = new HostDelayTimeline(0)
  for (let at = 25; at <= 20_000; at += 25) timeline.add(at, [at > fromMs && at <= toMs ? 25 * share : 0])
  const clock = new GuestClock()
  clock.heard(0, 0)
  return makeHostTime(timeline, clock)!
}

const verdict = (assert: Assert, host: HostTime | undefined, first: Partial<WorkerReport>, second = {}) =>
  judge({ assert, plan: { groups: [group] }, reports: [report(0, first), report(1, second)], host })

/** Every check that depends on host time: a failure without delay, and the delay that excuses it. */
const cases: ReadonlyArray<{
  readonly name: string
  readonly assert: Assert
  readonly worker: Partial<WorkerReport>
  readonly other?: Partial<WorkerReport>
  /** Shares of the time that excuse it, and that do not. */
  readonly excusing: number
  readonly standing: number
}> = [
  { name: "a gap", assert: { maxGapMs: 2000 }, worker: { maxGapNs: 3000 * ms }, excusing: 0.5, standing: 0.2 },
  {
    name: "a spread",
    assert: { maxSpreadPct: 15 },
    worker: { cpuTimeNs: 9000 * ms },
    other: { cpuTimeNs: 5000 * ms },
    excusing: 0.5,
    standing: 0.1
  },
  { name: "starvation", assert: { notStarved: true }, worker: { workUnits: 0 }, excusing: 0.95, standing: 0.6 },
  { name: "a work rate", assert: { minWorkRate: 250_000 }, worker: {}, excusing: 0.2, standing: 0.06 },
  { name: "an iteration rate", assert: { minIterationRate: 125 }, worker: {}, excusing: 0.4, standing: 0.1 },
  {
    name: "a throughput cv",
    assert: { maxThroughputCv: 0.1 },
    worker: { workUnits: 2_000_000 },
    excusing: 0.1,
    standing: 0.04
  },
  {
    name: "a migration ratio",
    assert: { maxMigrationRatio: 0.1 },
    worker: { migrationCount: 300 },
    excusing: 0.4,
    standing: 0.1
  },
  {
    name: "a p99 wake latency",
    assert: { maxP99WakeLatencyNs: 100 * ms },
    worker: { wakeLatenciesNs: [150 * ms], wakeLatenciesSeen: 1 },
    excusing: 0.5,
    standing: 0.1
  },
  {
    name: "a wake latency cv",
    assert: { maxWakeLatencyCv: 0.1 },
    worker: { wakeLatenciesNs: [1 * ms, 9 * ms], wakeLatenciesSeen: 2 },
    excusing: 0.1,
    standing: 0.04
  },
  {
    name: "a stop that was not answered",
    assert: {},
    worker: { completed: false, exitInfo: { _tag: "TimedOut" } },
    excusing: 0.3,
    standing: 0.2
  }
]

const rank: Readonly<Record<Outcome, number>> = { pass: 0, skip: 0, inconclusive: 1, fail: 2 }

describe("a failure in the host's time", () => {
  for (const { assert, excusing, name, other, standing, worker } of cases) {
    describe(name, () => {
      const at = (share: number) => verdict(assert, hostWith(share), worker, other)

      it("fails where nothing is known of the host, and where the host was idle, in the same words", () => {
        const unknown = verdict(assert, undefined, worker, other)
        expect(unknown.outcome).toBe("fail")
        expect(at(0)).toEqual(unknown)
      })

      it("is inconclusive with the reason where the host explains it", () => {
        const { details, outcome } = at(excusing)
        expect(outcome).toBe("inconclusive")
        expect(details[0]).toMatch(/not judged: the host kept the machine waiting for \d+ms of these \d+ms$/)
      })

      it("fails where the host does not explain it", () => {
        expect(at(standing).outcome).toBe("fail")
      })

      it("is never judged harder because the host was busier, and never passes because of it", () => {
        fc.assert(
          fc.property(
            fc.double({ min: 0, max: 1, noNaN: true }),
            fc.double({ min: 0, max: 1, noNaN: true }),
            (a, b) => {
              const [less, more] = [at(Math.min(a, b)).outcome, at(Math.max(a, b)).outcome]
              expect(rank[more]).toBeLessThanOrEqual(rank[less])
              expect(more).not.toBe("pass")
            }
          ),
          { numRuns: 15 }
        )
      })
    })
  }

  it("is weighed against the gap's own time: a busy host before it and after it excuses nothing", () => {
    const gap = { maxGapNs: 3000 * ms, maxGapAtNs: 6000 * ms }
    // The gap lies between 4 s and 7 s of the guest.
    expect(verdict({ maxGapMs: 2000 }, hostWith(1, 0, 3500), gap).outcome).toBe("fail")
    expect(verdict({ maxGapMs: 2000 }, hostWith(1, 7500, 20_000), gap).outcome).toBe("fail")
    expect(verdict({ maxGapMs: 2000 }, hostWith(1, 5000, 6200), gap).outcome).toBe("inconclusive")
  })

  it("says of a gap that is too long without the host's part how long that part was", () => {
    const { details } = verdict({ maxGapMs: 2000 }, hostWith(0.2), { maxGapNs: 4000 * ms })
    expect(details[0]).toMatch(
      /stuck 4000ms .*; the host kept the machine waiting for 8\d\dms of these 4000ms, too little/
    )
  })

  it("of emulated CPUs on one thread counts a turn of theirs on top, on an idle host, too", () => {
    const turns = (share: number, gapMs: number) =>
      verdict({ maxGapMs: 2000 }, { ...hostWith(share), turnMs: 100 }, { maxGapNs: gapMs * ms })
    expect(turns(0, 2101).outcome).toBe("fail")
    expect(turns(0, 2101).details[0]).toMatch(/\(threshold 2000ms\)$/)
    expect(turns(0, 2099).outcome).toBe("inconclusive")
    expect(turns(0, 2099).details[0]).toMatch(
      /; not judged: emulated CPUs that share a thread wait up to 100ms for one another$/
    )
    expect(turns(0.1, 2400).outcome).toBe("fail")
    expect(turns(0.1, 2350).outcome).toBe("inconclusive")
    expect(turns(0.1, 2350).details[0]).toMatch(
      /; not judged: the host kept the machine waiting for 2\d\dms of these 2350ms, and emulated CPUs .* for one another$/
    )
    expect(expectFailure(turns(0, 2099), true).outcome).toBe("inconclusive")
    const both = judge({
      assert: { maxGapMs: 2000 },
      plan: { groups: [{ ...group, blocks: false }] },
      reports: [report(0, { maxGapNs: 2050 * ms }), report(1, { maxGapNs: 2050 * ms })],
      host: { ...hostWith(0), turnMs: 100 }
    })
    expect(both.outcome).toBe("inconclusive")
    for (const detail of both.details) expect(detail).toContain("; not judged: emulated CPUs")
  })

  it("excuses what the stuck workers have in common with them, and says so", () => {
    const spinning = { ...group, blocks: false }
    const reports = [report(0, { maxGapNs: 3000 * ms }), report(1, { maxGapNs: 3000 * ms })]
    const at = (host: HostTime) => judge({ assert: { maxGapMs: 2000 }, plan: { groups: [spinning] }, reports, host })
    expect(at(hostWith(0)).details[0]).toMatch(/^all 2 workers were stuck at once/)
    expect(at(hostWith(0)).outcome).toBe("fail")
    const excused = at(hostWith(0.5))
    expect(excused.outcome).toBe("inconclusive")
    expect(excused.details.length).toBe(3)
    for (const detail of excused.details) expect(detail).toContain("not judged: the host kept the machine waiting")
  })

  it("puts what stands before what is excused", () => {
    const reports = [report(0, { maxGapNs: 2500 * ms }), report(1, { maxGapNs: 5000 * ms })]
    const host = hostWith(0.3)
    const { details, outcome } = judge({ assert: { maxGapMs: 2000 }, plan: { groups: [group] }, reports, host })
    expect(outcome).toBe("fail")
    expect(details[0]).toContain("stuck 5000ms")
    expect(details.at(-1)).toContain("stuck 2500ms")
  })

  it("excuses neither lost workers nor broken isolation nor a worker that died", () => {
    const host = hostWith(1)
    const lost = judge({ assert: {}, plan: { groups: [group] }, reports: [report(0)], host })
    expect(lost.outcome).toBe("fail")
    const narrow = { ...group, allowedCpus: [CpuSet.range(0, 1), CpuSet.range(0, 1)] }
    const escaped = judge({
      assert: { isolation: true },
      plan: { groups: [narrow] },
      reports: [report(0), report(1)],
      host
    })
    expect(escaped.outcome).toBe("fail")
    const dead = verdict({}, host, { completed: false, exitInfo: { _tag: "Signaled", signal: 11 } })
    expect(dead.outcome).toBe("fail")
  })

  it("is no failure for a test that expects one", () => {
    const excused = verdict({ maxGapMs: 2000 }, hostWith(0.5), { maxGapNs: 3000 * ms })
    expect(expectFailure(excused, true).outcome).toBe("inconclusive")
    expect(expectFailure(excused, /stuck/).outcome).toBe("inconclusive")
    // Beside a failure of another kind the excused one is not what was expected.
    const mixed = verdict({ maxGapMs: 2000 }, hostWith(0.5), {
      maxGapNs: 3000 * ms,
      completed: false,
      exitInfo: { _tag: "Exited", code: 3 }
    })
    expect(mixed.outcome).toBe("fail")
    expect(expectFailure(mixed, /stuck/).outcome).toBe("fail")
    expect(expectFailure(mixed, /exited by itself/).outcome).toBe("pass")
    // A remark on the host beside a failure is not part of the text that a pattern matches.
    const stands = verdict({ maxGapMs: 2000 }, hostWith(0.1), { maxGapNs: 3000 * ms })
    expect(stands.details[0]).toMatch(/too little to explain it$/)
    expect(expectFailure(stands, /\(threshold 2000ms\)$/).outcome).toBe("pass")
  })
})

describe("a message of a guest or a user with the words of an excuse", () => {
  const excuse = "; not judged: the host kept the machine waiting for 900ms of these 1000ms"
  const standing = "; the host kept the machine waiting for 90ms of these 1000ms, too little to explain it"

  it("is a failure like any other, and counts in full", () => {
    for (const words of [excuse, standing]) {
      const failed = AssertResult.fail(`the scenario failed: ${words} and then broken`)
      expect(expectFailure(failed, /and then broken/).outcome).toBe("pass")
      expect(expectFailure(AssertResult.merge(AssertResult.fail("other"), failed), /and then broken/).outcome).toBe(
        "pass"
      )
    }
  })

  it("excuses nothing in a report of what ended the run", () => {
    const record = new SessionRecord()
    const at = { timeNs: 15_000 * ms, waitedNs: 0, errno: 0, where: "" }
    record.add({ _tag: "Error", ...at, message: `worker 0 died${excuse}` })
    const session = { end: { _tag: "Done", ok: true }, stage: "scenario done", bootMs: 1, kernelLog: [] } as const
    const timeouts = { watchdogMs: 2000, startTimeoutMs: 10_000 }
    const causes = endCauses({ record, session, failures: [], host: hostWith(1), runDelay: undefined, timeouts })
    expect(expectFailure(verdictOf(causes), /worker 0 died; not judged/).outcome).toBe("pass")
  })

  it("is not matched beside a failure if it only says that something could not be judged", () => {
    const mixed = AssertResult.merge(AssertResult.inconclusive("no samples"), AssertResult.fail("stuck"))
    expect(mixed.details).toEqual(["stuck", "no samples"])
    expect(expectFailure(mixed, /no samples/).outcome).toBe("fail")
    expect(expectFailure(mixed, /^stuck$/).outcome).toBe("pass")
    const findings = [
      { outcome: "inconclusive", detail: "the process died with it" },
      { outcome: "fail", detail: "stuck; a remark", claim: "stuck" }
    ] as const
    expect(verdictOf(findings).details).toEqual(["stuck; a remark", "the process died with it"])
    expect(expectFailure(verdictOf(findings), /the process/).outcome).toBe("fail")
    expect(expectFailure(verdictOf(findings), /^stuck$/).outcome).toBe("pass")
  })
})

describe("what ended a run", () => {
  const timeouts = { watchdogMs: 2000, startTimeoutMs: 10_000 }
  const orderly = { end: { _tag: "Done", ok: true }, stage: "scenario done", bootMs: 1, kernelLog: [] } as const
  const ended = (
    cause: SchedulerEndCause,
    message: string,
    kernelLog: ReadonlyArray<string> = [],
    kind: SchedulerExitKind = "exited"
  ) => {
    const record = new SessionRecord()
    record.add({
      _tag: "SchedEnded",
      timeNs: 15_000 * ms,
      cause,
      kind,
      value: 0,
      durationNs: 0,
      dropped: 0,
      rejected: 0,
      state: "disabled",
      kernelLog,
      message
    })
    return record
  }
  const outcomes = (record: SessionRecord, host: HostTime | undefined) =>
    endCauses({ record, session: orderly, failures: [], host, runDelay: undefined, timeouts }).map(
      ({ outcome }) => outcome
    )
  const stalled = ended("watchdog", "scheduler stalled (2.1s into test): worker 0 did not run")
  const late = ended("never attached", "scheduler s did not attach within 10s of its start; it was ended")
  const disabled = (reason: string) =>
    ended("by itself", "scheduler process exited by itself", [
      'sched_ext: BPF scheduler "s" disabled (runnable task stall)',
      `sched_ext: s: ${reason}`
    ])
  const stuck = disabled("kworker/u8:1[42] failed to run for 5.120s")
  const broken = ended("by itself", "scheduler process exited by itself", [
    'sched_ext: BPF scheduler "s" disabled (runtime error)',
    "sched_ext: s: invalid CPU 7 from ops.select_cpu()"
  ])

  it("is the host's doing where the host withheld a good part of the patience", () => {
    for (const record of [stalled, late, stuck]) {
      expect(new Set(outcomes(record, hostWith(0.5)))).toEqual(new Set(["inconclusive"]))
    }
  })

  it("is the scheduler's where the host did not, or nobody knows", () => {
    for (const record of [stalled, late, stuck]) {
      for (const host of [undefined, hostWith(0), hostWith(0.1), hostWith(1, 0, 4000)]) {
        expect(outcomes(record, host)).toContain("fail")
        expect(outcomes(record, host)).not.toContain("inconclusive")
      }
    }
  })

  it("is the scheduler's where it was no matter of time", () => {
    expect(outcomes(broken, hostWith(1))).not.toContain("inconclusive")
    expect(outcomes(ended("never attached", "scheduler s exited before it attached"), hostWith(1))).toEqual(["fail"])
  })

  it("counts a scheduler's time to stop, and that of a builtin one's commands, as a wait, too", () => {
    const killed = ended("told to", "scheduler s had to be killed while it was stopped", [], "killed")
    const commands = ended("never attached", "scheduler s had to be killed before it attached", [], "killed")
    for (const record of [killed, commands]) {
      expect(outcomes(record, hostWith(0.5))).toEqual(["inconclusive"])
      expect(outcomes(record, hostWith(0.1))).toEqual(["fail"])
      expect(outcomes(record, undefined)).toEqual(["fail"])
    }
    const died = ended("told to", "scheduler s died of signal 11 while it was stopped", [], "signaled")
    expect(outcomes(died, hostWith(1))).toEqual(["fail"])
    const broke = ended(
      "told to",
      "scheduler s had to be killed while it was stopped",
      ['sched_ext: BPF scheduler "s" disabled (runtime error)', "sched_ext: s: invalid CPU 7 from ops.select_cpu()"],
      "killed"
    )
    expect(outcomes(broke, hostWith(1))).not.toContain("inconclusive")
  })

  describe("with an error of the agent", () => {
    const message = "workers were never ready: 0 of 2 after 5 s; worker 0 is runnable and gets no CPU"
    const refusal = (waitedMs: number) =>
      new CommandRefused({ message, errno: 0, late: lateWait({ timeNs: 15_000 * ms, waitedNs: waitedMs * ms }) })
    const judged = (error: (waitedMs: number) => unknown, host: HostTime | undefined, waitedMs: number) =>
      endCauses({
        record: new SessionRecord(),
        session: orderly,
        failures: failuresOf(Exit.fail(error(waitedMs))),
        host,
        runDelay: undefined,
        timeouts
      })
    const ofAgent = (host: HostTime | undefined, waitedMs: number) => {
      const record = new SessionRecord()
      const at = { timeNs: 15_000 * ms, waitedNs: waitedMs * ms }
      record.add({ _tag: "Error", ...at, errno: 0, where: "SPAWN group 0 (SpinWait) in cg_0", message })
      return endCauses({ record, session: orderly, failures: [], host, runDelay: undefined, timeouts })
    }
    const kinds: Readonly<Record<string, typeof ofAgent>> = {
      "that ended the plan": ofAgent,
      "that failed a program": (host, waitedMs) =>
        judged((waited) => new WorkloadError({ errno: 0, message, cause: refusal(waited) }), host, waitedMs),
      "that a program wrapped into its own": (host, waitedMs) =>
        judged((waited) => new Error("mine", { cause: refusal(waited) }), host, waitedMs)
    }
    for (const [kind, of] of Object.entries(kinds)) {
      it(`${kind}, weighs the wait that was in vain, and only that`, () => {
        const outcome = (host: HostTime | undefined, waitedMs: number) => of(host, waitedMs).map((at) => at.outcome)
        expect(outcome(hostWith(0.5), 5000)).toEqual(["inconclusive"])
        expect(of(hostWith(0.5), 5000)[0]?.detail).toMatch(/; not judged: the host kept .* of these 5000ms$/)
        expect(outcome(hostWith(0.1), 5000)).toEqual(["fail"])
        expect(outcome(undefined, 5000)).toEqual(["fail"])
        expect(outcome(hostWith(1), 0)).toEqual(["fail"])
        // The wait lay between 10 s and 15 s of the guest.
        expect(outcome(hostWith(1, 0, 9500), 5000)).toEqual(["fail"])
        expect(outcome(hostWith(1, 15_500), 5000)).toEqual(["fail"])
        expect(outcome(hostWith(1, 12_000, 14_000), 5000)).toEqual(["inconclusive"])
      })

      it(`${kind}, is never judged harder because the host was busier`, () => {
        const share = fc.double({ min: 0, max: 1, noNaN: true })
        const outcome = (part: number) => rank[of(hostWith(part), 5000)[0]!.outcome]
        fc.assert(
          fc.property(share, share, (a, b) => {
            expect(outcome(Math.max(a, b))).toBeLessThanOrEqual(outcome(Math.min(a, b)))
          }),
          { numRuns: 15 }
        )
      })
    }
  })

  it("comes after what went wrong before, where it only did not end when it was told to", () => {
    const never = "SPAWN group 0 (SpinWait) in cg_0: workers were never ready: 0 of 2 after 5 s; worker 0 waits"
    const killed = "scheduler s had to be killed while it was stopped"
    const details = (cause: Parameters<typeof ended>[0], message: string) =>
      endCauses({
        record: ended(cause, message),
        session: orderly,
        failures: [{ detail: never, late: undefined }],
        host: undefined,
        runDelay: undefined,
        timeouts
      }).map(({ detail }) => detail)
    expect(details("told to", killed)).toEqual([never, killed])
    expect(details("watchdog", "scheduler stalled: nobody ran").slice(0, 1)).toEqual(["scheduler stalled: nobody ran"])
  })

  it("is the host's where it withheld a good part of the whole wait", () => {
    for (const _tag of ["BootTimeout", "PlanTimeout"] as const) {
      const session = { ...orderly, end: { _tag, ms: 60_000 } }
      const of = (delayMs: number | undefined) =>
        endCauses({
          record: new SessionRecord(),
          session,
          failures: [],
          host: undefined,
          runDelay: delayMs === undefined ? undefined : { delayMs, ofMs: 60_000 },
          timeouts
        })[0]?.outcome
      expect([of(undefined), of(0), of(10_000), of(30_000)]).toEqual(["fail", "fail", "fail", "inconclusive"])
    }
  })
})
