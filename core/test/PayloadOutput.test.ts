import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Fiber, Layer, Schema, TestClock } from "effect"
import { judge } from "../src/check/Checker.ts"
import { PayloadCheck } from "../src/payload/Check.ts"
import { LlmExtract } from "../src/payload/LlmExtract.ts"
import { toPayloadResult } from "../src/payload/Output.ts"
import {
  layerOutputFormats,
  OutputFormat,
  OutputFormats,
  type OutputReader,
  OutputRef
} from "../src/payload/OutputFormat.ts"
import { Payload, type PayloadOptions } from "../src/payload/Payload.ts"
import { ProcessRecord } from "../src/payload/ProcessRecord.ts"
import { AgentEvent } from "../src/protocol/AgentEvent.ts"
import type { ProcessTelemetry } from "../src/protocol/Telemetry.ts"

/** `name=1 other=2`; text with an exclamation mark is an error. */
const pairs = OutputFormat.make({
  name: "pairs",
  description: "names and numbers",
  options: Schema.Struct({ prefix: Schema.optional(Schema.String) }),
  args: ["--pairs"],
  read: (text, { prefix = "" }) =>
    text.includes("!")
      ? Either.left("shouts")
      : Either.right(
          [...text.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => ({
            name: `${prefix}${name}`,
            value: Number(value),
            unit: "apples"
          }))
        )
})
const numbersOf = (text: string) =>
  [...text.matchAll(/(\w+)=(\S+)/g)].map(([, name = "", value]) => ({ name, value: Number(value) }))
const reports = OutputFormat.make({
  name: "reports",
  description: "numbers of reports between lines of dashes",
  reports: (text) =>
    Either.right(
      text
        .split("--")
        .map((part) =>
          part.includes("cut")
            ? { metrics: [], broken: "is cut at 7" }
            : { metrics: numbersOf(part), others: new Map([["t", "text, not a number"]]) }
        )
    )
})
const names = OutputFormat.make({
  name: "names",
  description: "any name",
  read: (text) =>
    Either.right(text.split(" ").map((pair) => ({ name: pair.split("=")[0] ?? "", value: Number(pair.split("=")[1]) })))
})
const nothing = OutputFormat.make({ name: "ExitCode", description: "", reads: false, read: () => Either.right([]) })
const registry = Layer.provideMerge(OutputFormat.layerAll([pairs, reports, names, nothing]), layerOutputFormats)

const bytes = (text: string) => new TextEncoder().encode(text)

const exit = (change: Partial<ProcessTelemetry> = {}): ProcessTelemetry => ({
  id: 1,
  kind: "exited",
  value: 0,
  durationNs: 2_500_000_000,
  dropped: 0,
  stopped: false,
  message: "",
  ...change
})

interface Ran {
  readonly options?: Partial<PayloadOptions>
  readonly stdout?: string
  readonly stderr?: string
  readonly end?: ProcessTelemetry | undefined
  readonly dropped?: number
  readonly cgroup?: string
}

const result = ({ cgroup = "", dropped = 0, options = {}, stderr = "", stdout = "", ...ran }: Ran) =>
  Effect.gen(function* () {
    const spec = Payload.spec(Payload.make("p", { binary: "p", output: "pairs", ...options }), { cgroup })
    const reader = yield* OutputRef.resolve(spec.payload.output)
    const end = "end" in ran ? ran.end : exit()
    return yield* toPayloadResult({
      spec,
      argv: ["/usr/bin/p"],
      reader,
      process: { stdout: bytes(stdout), stderr: bytes(stderr), dropped, end }
    })
  })

const verdict = (ran: Ran) => Effect.map(result(ran), ({ details, outcome }) => [outcome, ...details])

const exitCode: Partial<PayloadOptions> = { output: "ExitCode" }

describe("a payload's run", () => {
  it.layer(registry)((it) => {
    it.effect("has the metrics of standard output, with units and polarities that were declared", () =>
      Effect.gen(function* () {
        const metrics = [{ name: "b", unit: "pears", polarity: "lower" as const }]
        const { metrics: found, outcome } = yield* result({ stdout: "a=1 b=2", stderr: "c=3", options: { metrics } })
        expect(outcome).toBe("pass")
        // Requested metrics come first.
        expect(found).toMatchObject([
          { name: "b", value: 2, unit: "pears", polarity: "lower" },
          { name: "a", value: 1, unit: "apples", polarity: "none" }
        ])
      })
    )

    it.effect("has every report as a series where there are several, the latest where they are too many", () =>
      Effect.gen(function* () {
        const few = yield* result({ stdout: "a=1 b=2\n--\na=3 b=NaN", options: { output: "reports" } })
        expect(few.metrics).toMatchObject([{ name: "a", value: 3 }])
        expect([few.series, few.seriesDropped]).toEqual([[{ a: 1, b: 2 }, { a: 3 }], 0])
        const one = yield* result({ stdout: "a=1", options: { output: "reports" } })
        expect([one.series, one.seriesDropped]).toEqual([[], 0])
        const many = Array.from({ length: 70_000 }, (_, n) => `a=${n}`).join("\n--\n")
        const cut = yield* result({ stdout: many, options: { output: "reports" } })
        expect([cut.series.length, cut.seriesDropped, cut.series[0]]).toEqual([65_536, 4464, { a: 4464 }])
      })
    )

    for (const stdout of ["", " \n", "nothing here", "loud!"]) {
      it.effect(`has those of standard error where standard output is ${JSON.stringify(stdout)}`, () =>
        Effect.gen(function* () {
          const { metrics, problem } = yield* result({ stdout, stderr: "c=3" })
          expect(metrics).toMatchObject([{ name: "c", value: 3 }])
          expect(problem).toBeNull()
        })
      )
    }

    const cases: ReadonlyArray<readonly [what: string, ran: Ran, expected: ReadonlyArray<string>]> = [
      ["passes when it exits with 0", { options: exitCode }, ["pass"]],
      [
        "fails when it does not, with its last words",
        { options: exitCode, end: exit({ value: 3 }), stdout: "out\n", stderr: "cannot open x\n\n" },
        ["fail", "payload p ended with 3, expected 0: cannot open x"]
      ],
      [
        "passes with the status asked for",
        { options: { ...exitCode, defaultChecks: [PayloadCheck.exitCode(3)] }, end: exit({ value: 3 }) },
        ["pass"]
      ],
      [
        "fails when a signal kills it",
        { options: exitCode, cgroup: "a/b", end: exit({ kind: "signaled", value: 11 }) },
        ["fail", "payload p in a/b died of signal 11 (SIGSEGV)"]
      ],
      [
        "fails when it is killed at its deadline, and says nothing of its output",
        { end: exit({ kind: "timed out", value: 9 }) },
        ["fail", "payload p still ran after 2.5s and was killed"]
      ],
      [
        "fails when it can't be run",
        { end: exit({ kind: "not run", value: 2, message: "No such file or directory: /opt/p" }) },
        ["fail", "payload p can't be run: No such file or directory: /opt/p"]
      ],
      [
        "is inconclusive when nothing was heard of its end",
        { end: undefined },
        ["inconclusive", "payload p did not end before the guest did"]
      ],
      [
        "may be told to end",
        { options: exitCode, end: exit({ kind: "signaled", value: 15, stopped: true }) },
        ["pass"]
      ],
      [
        "may be told to end with any status, and without numbers that nobody asked for",
        { end: exit({ value: 128, stopped: true }), stdout: "half" },
        ["pass"]
      ],
      [
        "is inconclusive when it was told to end before the status asked for",
        {
          options: { ...exitCode, defaultChecks: [PayloadCheck.exitCode(0)] },
          end: exit({ kind: "signaled", value: 15, stopped: true })
        },
        ["inconclusive", "payload p was told to end before it could end with 0"]
      ],
      [
        "is inconclusive when it prints nothing",
        { stdout: " \n" },
        ["inconclusive", "payload p: it printed nothing for pairs to read"]
      ],
      [
        "is inconclusive when it prints garbage, of which the first bytes are shown",
        { stdout: `\u0001loud! ${"x".repeat(100)}` },
        ["inconclusive", `payload p: its output shouts; it begins with "\\u0001loud! ${"x".repeat(53)}…"`]
      ],
      [
        "is not judged by numbers that may not be its last",
        { stdout: "a=1", dropped: 17, options: { defaultChecks: [PayloadCheck.min("a", 1)] } },
        [
          "inconclusive",
          "payload p: it can't be judged by its numbers: 17 bytes beyond the first 4 MiB of its output were dropped, maybe its last report with them; make it print less"
        ]
      ],
      [
        "tells of output that was dropped",
        { stdout: "none", dropped: 17 },
        [
          "inconclusive",
          'payload p: its output has no metrics for pairs; it begins with "none"; 17 bytes beyond its first 4 MiB were dropped'
        ]
      ],
      [
        "is inconclusive without a metric that was declared",
        { stdout: "iops=1", options: { metrics: [{ name: "iop" }] } },
        ["inconclusive", "payload p: no metric 'iop' in its output; did you mean 'iops'?"]
      ],
      [
        "is inconclusive without a metric that a check is about",
        { stdout: "a=1", options: { defaultChecks: [PayloadCheck.max("zebra", 1)] } },
        ["inconclusive", "payload p: no metric 'zebra' in its output; there are: a"]
      ],
      [
        "is inconclusive where metrics are asked for, and the format reads none",
        { options: { ...exitCode, metrics: [{ name: "iops" }] } },
        ["inconclusive", "payload p: metric 'iops' is asked for, but output ExitCode reads none; choose another"]
      ],
      [
        "fails by its bounds, failures first",
        {
          stdout: "a=812.123456789 b=4 c=5 d=6",
          options: {
            defaultChecks: [
              PayloadCheck.min("missing", 1),
              PayloadCheck.min("a", 1000),
              PayloadCheck.max("b", 3),
              PayloadCheck.range("c", 6, 8),
              PayloadCheck.range("d", 6, 6),
              PayloadCheck.min("d", 6),
              PayloadCheck.max("d", 6)
            ]
          }
        },
        [
          "fail",
          "payload p: a is 812.123 apples, at least 1000 expected",
          "payload p: b is 4 apples, at most 3 expected",
          "payload p: c is 5 apples, 6 to 8 expected",
          "payload p: no metric 'missing' in its output; there are: a, b, c, d"
        ]
      ],
      [
        "does not take what is no number for one",
        { stdout: "a=nan", options: { metrics: [{ name: "a" }] } },
        ["inconclusive", "payload p: metric a is NaN"]
      ],
      [
        "says what a metric is that is no number, though others are",
        {
          stdout: "a=NaN b=-Infinity c=1",
          options: { output: "reports", defaultChecks: ["a", "b", "t"].map((name) => PayloadCheck.min(name, 1)) }
        },
        [
          "inconclusive",
          "payload p: metric a is NaN",
          "payload p: metric b is -Infinity",
          "payload p: metric t is text, not a number"
        ]
      ],
      [
        "fails by the last report that has the metric, however many follow without it",
        {
          stdout: "a=1 b=5 -- a=9 -- c=1 d=2 e=3 --",
          options: { output: "reports", defaultChecks: [PayloadCheck.max("a", 2), PayloadCheck.max("b", 2)] }
        },
        ["fail", "payload p: a is 9, at most 2 expected", "payload p: b is 5, at most 2 expected"]
      ],
      [
        "fails by standard error where only that has what is asked for",
        { stdout: "c=1 d=2", stderr: "a=9", options: { defaultChecks: [PayloadCheck.max("a", 2)] } },
        ["fail", "payload p: a is 9 apples, at most 2 expected"]
      ],
      [
        "is not judged by the report before one that breaks off",
        { stdout: "a=1 -- cut", options: { output: "reports", defaultChecks: [PayloadCheck.max("a", 2)] } },
        [
          "inconclusive",
          "payload p: it can't be judged by its numbers: a report behind the last whole one is cut at 7; make it end its last report, and print nothing like one behind it"
        ]
      ],
      [
        "is not judged by standard error where the last report of standard output breaks off",
        {
          stdout: "a=7 cut",
          stderr: "a=1",
          options: { output: "reports", defaultChecks: [PayloadCheck.max("a", 2)] },
          end: exit({ kind: "signaled", value: 15, stopped: true })
        },
        [
          "inconclusive",
          "payload p: it can't be judged by its numbers: a report behind the last whole one is cut at 7; make it end its last report, and print nothing like one behind it"
        ]
      ],
      [
        "is judged by a report behind one that can't be read",
        { stdout: "cut -- a=1", options: { output: "reports", defaultChecks: [PayloadCheck.max("a", 2)] } },
        ["pass"]
      ],
      [
        "shows control characters of names, and cuts long ones",
        {
          stdout: `a\u001b[2J=1 ${"n".repeat(500)}=1`,
          options: { output: "names", defaultChecks: [PayloadCheck.min("z", 1), PayloadCheck.min("a\u001b[2J", 2)] }
        },
        [
          "fail",
          "payload p: a\\x1b[2J is 1, at least 2 expected",
          `payload p: no metric 'z' in its output; there are: a\\x1b[2J, ${"n".repeat(80)}…`
        ]
      ]
    ]
    for (const [what, ran, expected] of cases) {
      it.effect(what, () => Effect.map(verdict(ran), (found) => expect(found).toEqual(expected)))
    }

    it.effect("of which nothing is asked has the metrics of the last report that is like the largest", () =>
      Effect.gen(function* () {
        const of = (stdout: string) => result({ stdout, options: { output: "reports" } })
        const { metrics, outcome, series, warnings } = yield* of("a=1 b=2 c=3 -- a=4 b=5 -- x=1 --")
        expect(metrics).toMatchObject([
          { name: "a", value: 4 },
          { name: "b", value: 5 }
        ])
        expect([outcome, warnings, series.length]).toEqual(["pass", [], 3])
        const cut = yield* of("a=1 b=2 -- x cut")
        expect([cut.outcome, cut.warnings]).toEqual([
          "pass",
          ["payload p: a report behind the last whole one is cut at 7; its metrics are those of the whole one"]
        ])
      })
    )

    it.effect("keeps the last lines of each stream", () =>
      Effect.gen(function* () {
        const lines = Array.from({ length: 30 }, (_, i) => `line ${i}`)
        const { stderrTail, stdoutTail } = yield* result({
          stdout: `a=1\n${lines.join("\n")}\n`,
          stderr: "x".repeat(999)
        })
        expect(stdoutTail).toEqual(lines.slice(-20))
        expect(stderrTail).toEqual(["x".repeat(400)])
      })
    )

    it.effect("counts in the verdict, alone or beside workers", () =>
      Effect.gen(function* () {
        const good = yield* result({ options: exitCode })
        const bad = yield* result({ options: exitCode, end: exit({ value: 1 }) })
        const judged = (payloads: ReadonlyArray<typeof good>) =>
          judge({ assert: {}, plan: { groups: [] }, reports: [], payloads })
        expect(judged([]).outcome).toBe("inconclusive")
        expect(judged([good]).outcome).toBe("pass")
        expect(judged([good, bad])).toMatchObject({ outcome: "fail", details: ["payload p ended with 1, expected 0"] })
      })
    )

    it.effect("is read by a format with options of its own", () =>
      Effect.gen(function* () {
        const { metrics } = yield* result({
          stdout: "a=1",
          options: { output: OutputRef.of("pairs", { prefix: "x." }) }
        })
        expect(metrics.map(({ name }) => name)).toEqual(["x.a"])
      })
    )

    for (const [ref, message] of [
      [OutputRef.of("pair"), "unknown output format 'pair'; did you mean 'pairs'?"],
      [OutputRef.of("pairs", { prefix: 3 }), "output format 'pairs': prefix: Expected string, actual 3"],
      [OutputRef.of("pairs", { prefx: "a" }), "output format 'pairs': prefx: is unexpected, expected: \"prefix\""],
      [
        OutputRef.LlmExtract("the latency"),
        "output LlmExtract needs a language model, and no plugin provides one; use another output format"
      ]
    ] as const) {
      it.effect(`can't be read by ${JSON.stringify(ref)}`, () =>
        Effect.map(Effect.flip(OutputRef.resolve(ref)), (error) => expect(error.message).toBe(message))
      )
    }

    it.effect("is read by a language model where there is one", () =>
      Effect.gen(function* () {
        const extract = (text: string, hint: string) =>
          Effect.succeed([{ name: hint, value: text.length, unit: undefined }])
        const reader = yield* Effect.provideService(OutputRef.resolve(OutputRef.LlmExtract("length")), LlmExtract, {
          extract
        })
        expect(yield* reader.reports("four")).toEqual([{ metrics: [{ name: "length", value: 4, unit: undefined }] }])
      })
    )

    it.effect("can't have two formats of one name", () =>
      Effect.gen(function* () {
        const registered = yield* OutputFormats
        const error = yield* Effect.flip(registered.register(pairs))
        expect(error.message).toBe("output format 'pairs': there is one of that name already; choose another")
        expect((yield* registered.list).map(({ name }) => name)).toEqual(["pairs", "reports", "names", "ExitCode"])
      })
    )
  })
})

describe("an output format of a third party", () => {
  const reader = (read: () => unknown) => ({
    name: "odd",
    args: [],
    reads: true,
    reports: read as OutputReader["reports"]
  })

  it.effect.each<readonly [what: string, read: () => unknown, says: string]>([
    ["gives nothing", () => undefined, "output format 'odd' failed: it returned no Effect"],
    ["gives a number", () => 3, "output format 'odd' failed: it returned no Effect"],
    ["gives undefined as metrics", () => Effect.succeed(undefined), "output format 'odd' gave what are no metrics"],
    ["gives numbers as metrics", () => Effect.succeed([1, 2]), "output format 'odd' gave what are no metrics"],
    [
      "gives a unit that is none",
      () => Effect.succeed([{ metrics: [{ name: "a", value: 1, unit: 5 }] }]),
      "output format 'odd' gave what are no metrics"
    ],
    [
      "throws",
      () => {
        throw new TypeError("no such field")
      },
      "output format 'odd' failed: TypeError: no such field"
    ],
    ["dies", () => Effect.die("gone"), "output format 'odd' failed: threw 'gone'"],
    ["interrupts itself", () => Effect.interrupt, "output format 'odd' interrupts itself"],
    ["fails with what is no text", () => Effect.fail({ message: "odd" }), "output format 'odd' failed: odd"],
    ["never ends", () => Effect.uninterruptible(Effect.never), "output format 'odd' did not end within 1 minute"]
  ])("that %s is named, and the verdict is kept", ([, read, says]) =>
    Effect.gen(function* () {
      const spec = Payload.spec(
        Payload.make("p", { binary: "p", output: "odd", defaultChecks: [PayloadCheck.min("a", 1)] }),
        {
          cgroup: ""
        }
      )
      const process = { end: exit(), stdout: bytes("a=1"), stderr: bytes(""), dropped: 0 }
      const judging = yield* Effect.fork(
        toPayloadResult({ spec, argv: ["p"], reader: reader(read), process: process as never })
      )
      yield* TestClock.adjust("2 minutes")
      const judged = yield* Fiber.join(judging)
      expect(judged.outcome).toBe("inconclusive")
      expect(judged.problem).toContain(`its output can't be read: ${says}`)
    })
  )

  it("made by OutputFormat.make that gives junk, or throws, is named", () => {
    const made = (read: () => unknown) =>
      Either.getOrThrow(
        OutputFormat.make({ name: "odd", description: "", read: read as () => Either.Either<[], string> }).instantiate(
          {}
        )
      )
    const problemOf = (read: () => unknown) => Effect.runSync(Effect.flip(made(read).reports("text")))
    expect(problemOf(() => undefined)).toBe("can't be read: output format 'odd' gave what is no Either")
    expect(
      problemOf(() => {
        throw new RangeError("off")
      })
    ).toMatch(/^can't be read: output format 'odd' failed: RangeError: off/)
  })
})

describe("ProcessRecord", () => {
  it("keeps the streams of each process apart, and what was dropped", () => {
    const record = new ProcessRecord()
    const say = (id: number, stream: "stdout" | "stderr", text: string) =>
      record.add(AgentEvent.ProcOutput({ id, stream, bytes: bytes(text) }))
    say(1, "stdout", "on")
    say(2, "stdout", "two")
    say(1, "stderr", "err")
    say(1, "stdout", "e")
    record.add(AgentEvent.ProcExit(exit({ dropped: 9 })))
    const text = (of: Uint8Array) => new TextDecoder().decode(of)
    const one = record.get(1)
    expect([text(one.stdout), text(one.stderr), one.dropped, one.end?.kind]).toEqual(["one", "err", 9, "exited"])
    expect([text(record.get(2).stdout), record.get(2).end, record.get(3).dropped]).toEqual(["two", undefined, 0])
  })

  it("keeps 64 MiB of a session, and counts the rest", () => {
    const record = new ProcessRecord()
    const chunk = new Uint8Array(2 ** 20)
    for (let i = 0; i < 66; i++) record.add(AgentEvent.ProcOutput({ id: i % 2, stream: "stdout", bytes: chunk }))
    const [a, b] = [record.get(0), record.get(1)]
    expect(a.stdout.length + b.stdout.length).toBe(64 * 2 ** 20)
    expect(a.dropped + b.dropped).toBe(2 * 2 ** 20)
  })
})
