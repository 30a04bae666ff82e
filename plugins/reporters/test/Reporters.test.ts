import { describe, expect, it } from "@effect/vitest"
import { Metric, PayloadResult, Reporter, RunEvent, RunResult, SessionEnd } from "@ktstr/core"
import { PayloadEnd } from "@ktstr/core/payload"
import { exitCodeOfError, layerReporters, openReporter, Reporters } from "@ktstr/core/report"
import { Effect, Fiber, Layer, Option, Schema, TestClock } from "effect"
import { jsonReporter, layerBuiltinReporters, ndjsonReporter, prettyReporter, renderResult } from "../src/index.ts"
import { failed, passed, record } from "./fixtures.ts"

const events: ReadonlyArray<RunEvent> = [
  RunEvent.RunStarted({ scenario: "steady", variant: "", topology: "1n2l2c1t", kernel: "7.3.4", durationS: 5 }),
  RunEvent.Booting({ backend: "qemu", clock: "emulated" }),
  RunEvent.AgentReady({ release: "7.3.4-test", bootMs: 1900 }),
  RunEvent.StepBegan({ index: 0, count: 2, label: "" }),
  RunEvent.Holding({ elapsedMs: 2500, holdMs: 5000 }),
  RunEvent.Holding({ elapsedMs: 12_000, holdMs: 20_000 }),
  RunEvent.GuestLog({ level: "info", text: "quiet" }),
  RunEvent.GuestLog({ level: "error", text: "loud" }),
  RunEvent.Warning({ text: "cgroup cg_1 was busy, retried" }),
  RunEvent.StepEnded({ index: 0, count: 2 }),
  RunEvent.RunFinished({ result: passed })
]

const session = (
  reporter: Reporter,
  results: ReadonlyArray<RunResult>,
  end: SessionEnd = SessionEnd.Complete({}),
  options: Parameters<typeof record>[0] = {}
) =>
  Effect.gen(function* () {
    const recording = record(options)
    yield* Effect.scoped(
      Effect.gen(function* () {
        const opened = yield* openReporter(reporter, recording.output)
        for (const result of results) {
          for (const event of events) yield* opened.onEvent(event)
          yield* opened.onResult(result)
        }
        yield* opened.onEnd(results, end)
      })
    )
    return { out: recording.out(), err: recording.err() }
  })

describe("a reporter of a third party", () => {
  it.effect("is refused if it has a hook that nothing calls", () =>
    Effect.gen(function* () {
      const hooks: object = { onRseult: () => Effect.void, online: 3, lines: [] }
      const reporter = { name: "mine", description: "", make: () => Effect.succeed(hooks) }
      const error = yield* Effect.flip(Effect.scoped(openReporter(reporter, record().output)))
      expect(error.message).toBe("reporter 'mine': unknown hook 'onRseult'; did you mean 'onResult'?")
      expect(exitCodeOfError(error)).toBe(64)
    })
  )

  it.effect.each<readonly [what: string, hooks: () => unknown, says: RegExp]>([
    [
      "never ends a hook",
      () => ({ onResult: () => Effect.uninterruptible(Effect.never) }),
      /onResult.*not ended after 30 seconds$/
    ],
    ["interrupts itself", () => ({ onResult: () => Effect.interrupt }), /onResult.*it interrupts itself$/],
    ["gives a promise", () => ({ onResult: async () => {} }), /onResult.*it returned no Effect$/],
    ["gives no hooks", () => undefined, /make.*it gives no hooks$/],
    [
      "throws",
      () => ({
        onEnd: () => {
          throw new Error("full")
        }
      }),
      /onEnd.*full$/
    ]
  ])("that %s costs one line, and the session goes on", ([, hooks, says]) =>
    Effect.gen(function* () {
      const reporter = { name: "odd", description: "", make: () => Effect.succeed(hooks()) } as unknown as Reporter
      const running = yield* Effect.fork(session(reporter, [passed, passed]))
      yield* TestClock.adjust("2 minutes")
      const { err } = yield* Fiber.join(running)
      expect(err.trimEnd()).toMatch(/^warning: reporter 'odd' failed in [^\n]*$/)
      expect(err.trimEnd()).toMatch(says)
    })
  )
})

describe("json", () => {
  it.effect("has what gave no result beside the results", () =>
    Effect.gen(function* () {
      const errors = [{ name: "broken.ktstr.ts", message: "at the top", exitCode: 64 }]
      const { out } = yield* session(jsonReporter, [passed], SessionEnd.Complete({ errors }))
      expect(JSON.parse(out)).toMatchObject({ runs: [{ outcome: "pass" }], errors })
      const lines = yield* session(ndjsonReporter, [passed], SessionEnd.Complete({ errors }))
      expect(JSON.parse(lines.out.trimEnd().split("\n").at(-1) ?? "")).toEqual({
        _tag: "SessionEnded",
        end: "Complete",
        errors
      })
    })
  )

  it.effect("prints one result as one object that decodes, without the latency samples", () =>
    Effect.gen(function* () {
      const { out, err } = yield* session(jsonReporter, [passed])
      expect(err).toBe("")
      expect(out.match(/\n/g)).toHaveLength(1)
      expect(out).not.toContain("wakeLatenciesNs")
      const value = JSON.parse(out)
      expect(value).toMatchObject({ outcome: "pass", clock: "emulated", kernel: { release: "7.3.4-test" } })
      expect(value.cgroups[0].workers).toHaveLength(2)
      expect(value.cgroups[0].workers[0]).toMatchObject({ cpuTimeNs: 4_900_000_000, cpusUsed: [0, 1], maxGapMs: 8 })
      for (const cgroup of value.cgroups) for (const worker of cgroup.workers) worker.wakeLatenciesNs = []
      expect(Schema.decodeUnknownSync(RunResult)(value).scenario).toBe("steady")
    })
  )

  it.effect("prints several results as runs, and how a session ended early", () =>
    Effect.gen(function* () {
      expect(JSON.parse((yield* session(jsonReporter, [passed, failed])).out)).toMatchObject({
        runs: [{ outcome: "pass" }, { outcome: "fail" }]
      })
      const interrupted = SessionEnd.Interrupted({ scenario: "steady", message: "interrupted", exitCode: 130 })
      expect(JSON.parse((yield* session(jsonReporter, [], interrupted)).out)).toEqual({
        runs: [],
        interrupted: { scenario: "steady", message: "interrupted", exitCode: 130 }
      })
      const error = SessionEnd.Failed({ scenario: "steady", message: "no qemu", exitCode: 69 })
      expect(JSON.parse((yield* session(jsonReporter, [passed], error)).out)).toMatchObject({
        runs: [{ outcome: "pass" }],
        error: { message: "no qemu", exitCode: 69 }
      })
    })
  )
})

describe("ndjson", () => {
  it.effect("prints each event as a line", () =>
    Effect.gen(function* () {
      const { out, err } = yield* session(ndjsonReporter, [passed])
      expect(err).toBe("")
      const lines = out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
      expect(lines.map(({ _tag }) => _tag)).toEqual([...events.map(({ _tag }) => _tag)])
      expect(lines[1]).toEqual({ _tag: "Booting", backend: "qemu", clock: "emulated" })
      expect(lines.at(-1).result.outcome).toBe("pass")
      expect(out).not.toContain("wakeLatenciesNs")
      const error = SessionEnd.Failed({ scenario: "steady", message: "no qemu", exitCode: 69 })
      expect((yield* session(ndjsonReporter, [], error)).out).toBe(
        '{"_tag":"SessionEnded","end":"Failed","scenario":"steady","message":"no qemu","exitCode":69}\n'
      )
    })
  )
})

describe("pretty", () => {
  it.effect("puts the verdict and an aligned table on stdout", () =>
    Effect.gen(function* () {
      const { out } = yield* session(prettyReporter, [passed])
      expect(out).toBe(
        [
          "PASS steady on 1n2l2c1t · kernel 7.3.4-test · emulated clock · 7.1 s",
          "  cgroup  work      workers  cpus  cpu time  off-cpu  spread     max gap  migrations  iterations  p50 wake  p99 wake",
          "  cg_0    SpinWait        2     2     9.80s     2.0%    1.1%  8.0ms cpu1           2       1.23M",
          "  cg_1    PipeIo          2     2     9.80s     2.0%          8.0ms cpu1           2       1.23M    12.5us    3.10ms",
          ""
        ].join("\n")
      )
    })
  )

  it.effect("says first what went wrong, then the details, then the diagnostics", () =>
    Effect.gen(function* () {
      const { out } = yield* session(prettyReporter, [failed])
      expect(out.split("\n")).toEqual([
        "FAIL steady: unfair cgroup: spread=42% (8-50%) 4 workers on 4 cpus (threshold 35%)",
        "  stuck 4500ms on cpu2 at +3200ms (threshold 3000ms)",
        "  on 1n2l2c1t · kernel 7.3.4-test · emulated clock · 7.1 s",
        "  --- console · scenario running · Panic: not syncing ---",
        "  [ 1.0] one",
        "  [ 2.0] two",
        "FAIL steady: unfair cgroup: spread=42% (8-50%) 4 workers on 4 cpus (threshold 35%)",
        ""
      ])
    })
  )

  it.effect("prints plain progress lines where nobody watches, warnings once", () =>
    Effect.gen(function* () {
      const { err } = yield* session(prettyReporter, [passed])
      expect(err.trimEnd().split("\n")).toEqual([
        "steady: booting with qemu (emulated)",
        "steady: kernel 7.3.4-test up after 1.9s",
        "steady: step 1 of 2",
        "steady: 12.0s of 20.0s",
        "warning: guest: loud",
        "warning: cgroup cg_1 was busy, retried"
      ])
    })
  )

  it.live("redraws one line on a terminal and leaves it empty", () =>
    Effect.gen(function* () {
      const recording = record({ terminal: true, color: true })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const opened = yield* openReporter(prettyReporter, recording.output)
          for (const event of events.slice(0, 5)) yield* opened.onEvent(event)
          while (!recording.err().includes("2.5s of 5.0s")) yield* Effect.sleep("5 millis")
        })
      )
      expect(recording.err()).toContain("[##########..........]")
      expect(recording.err()).not.toContain("\n")
      expect(recording.err().endsWith("\r\u001b[J")).toBe(true)
    })
  )

  it.effect("counts the outcomes of several runs", () =>
    Effect.gen(function* () {
      const { out } = yield* session(prettyReporter, [passed, failed, passed])
      expect(out.split("\n").slice(-3)).toEqual([
        "2 pass, 1 fail",
        "FAIL steady: unfair cgroup: spread=42% (8-50%) 4 workers on 4 cpus (threshold 35%)",
        ""
      ])
    })
  )

  it("colours only when asked", () => {
    expect(renderResult(failed, { color: false })).not.toContain("\u001b")
    expect(renderResult(failed, { color: true })).toContain("\u001b[1;31mFAIL\u001b[0m")
  })
})

describe("payloads", () => {
  const metrics = Array.from({ length: 10 }, (_, i) =>
    Metric.make({ name: `m${i}`, value: 7409.590409 + i, unit: i === 0 ? "IOPS" : null, polarity: "higher" })
  )
  const fio = PayloadResult.make({
    name: "fio",
    cgroup: "io",
    argv: ["/usr/bin/fio"],
    format: "fio",
    outcome: "fail",
    details: ["payload fio in io ended with 1, expected 0"],
    end: PayloadEnd.make({ kind: "Exited", code: 1, signal: null, message: "" }),
    durationMs: 2049,
    metrics,
    problem: null,
    stdoutTail: ["out"],
    stderrTail: ["one", "two"],
    droppedBytes: 0
  })
  const stopped = PayloadResult.make({
    ...fio,
    cgroup: "/",
    outcome: "pass",
    metrics: [],
    end: PayloadEnd.make({ kind: "Stopped", code: null, signal: 15, message: "" })
  })
  const result = RunResult.make({ ...passed, payloads: [fio, stopped] })

  it("are shown with their first metrics, and their last words when they failed", () => {
    const lines = renderResult(result, { color: false }).trimEnd().split("\n").slice(-13)
    expect(lines).toEqual([
      "  payload fio in io: exit 1 after 2.0s",
      "    m0 7409.59 IOPS",
      ...[1, 2, 3, 4, 5, 6, 7].map((i) => `    m${i} ${Number((7409.590409 + i).toPrecision(6))}`),
      "    … 2 more with --format json",
      "    | one",
      "    | two",
      "  payload fio: told to end after 2.0s"
    ])
  })

  it.effect("are in the JSON, every metric of them", () =>
    Effect.gen(function* () {
      const { payloads } = JSON.parse((yield* session(jsonReporter, [result])).out)
      expect(payloads.map((payload: { metrics: Array<unknown> }) => payload.metrics.length)).toEqual([10, 0])
      expect(payloads[0]).toMatchObject({ name: "fio", end: { kind: "Exited", code: 1 }, stderrTail: ["one", "two"] })
    })
  )
})

describe("Reporters", () => {
  it.effect("knows the built-in formats", () =>
    Effect.gen(function* () {
      const reporters = yield* Reporters
      expect((yield* reporters.list).map(({ name }) => name).sort()).toEqual(["json", "ndjson", "pretty"])
      expect(Option.isNone(yield* reporters.find("html"))).toBe(true)
    }).pipe(Effect.provide(Layer.provideMerge(layerBuiltinReporters, layerReporters)))
  )

  it.effect("refuses a second format of one name", () =>
    Effect.gen(function* () {
      const twice = Layer.mergeAll(layerBuiltinReporters, Reporter.plugin({ ...jsonReporter, description: "mine" }))
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Layer.provide(twice, layerReporters))))
      expect(error.message).toBe("reporter 'json': there is one of that name already; choose another")
    })
  )
})

describe("openReporter", () => {
  const throwing: Reporter = {
    name: "bad",
    description: "throws",
    make: () =>
      Effect.succeed({
        onEvent: () => {
          throw new Error("boom\nstack")
        },
        onResult: () => Effect.fail("no disk"),
        onEnd: () => Effect.die(new Error("dead"))
      })
  }

  it.effect("turns errors of hooks into one warning each and goes on", () =>
    Effect.gen(function* () {
      const { out, err } = yield* session(throwing, [passed, passed])
      expect(out).toBe("")
      expect(err.trimEnd().split("\n")).toEqual([
        "warning: reporter 'bad' failed in onEvent, the run goes on without it: boom; stack",
        "warning: reporter 'bad' failed in onResult, the run goes on without it: no disk",
        "warning: reporter 'bad' failed in onEnd, the run goes on without it: dead"
      ])
    })
  )

  it.effect("goes on without a reporter that cannot begin", () =>
    Effect.gen(function* () {
      const { err } = yield* session({ ...throwing, make: () => Effect.fail(new Error("no licence")) }, [passed])
      expect(err).toBe("warning: reporter 'bad' failed in make, the run goes on without it: no licence\n")
    })
  )
})
