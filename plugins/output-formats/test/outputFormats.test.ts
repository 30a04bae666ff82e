import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "@effect/vitest"
import { OutputRef } from "@ktstr/core"
import { layerOutputFormats, type MetricValue, OutputFormats, readOutput } from "@ktstr/core/payload"
import { Effect, Either, Layer } from "effect"
import * as fc from "fast-check"
import { layerBuiltinOutputFormats, regex } from "../src/index.ts"
import { parseDocuments } from "../src/internal/document.ts"

const registry = Layer.provideMerge(layerBuiltinOutputFormats, layerOutputFormats)

/** Recorded output of the real programs. That of schbench follows examples in its documentation, with other numbers. */
const recorded = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`recorded/${name}`, import.meta.url)), "utf8")

const reportsOf = (ref: OutputRef | string, text: string) =>
  Effect.gen(function* () {
    const reader = yield* OutputRef.resolve(typeof ref === "string" ? OutputRef.of(ref) : ref)
    return yield* Effect.either(reader.reports(text))
  })

/** Its only report's metrics, or of several the last one's. */
const read = (ref: OutputRef | string, text: string) =>
  Effect.map(
    reportsOf(ref, text),
    Either.flatMap((reports) => {
      const last = reports.at(-1)
      return last?.broken === undefined ? Either.right(last?.metrics ?? []) : Either.left(last.broken)
    })
  )

/** Returns the metrics of an output that count if these are requested. */
const counted = (ref: OutputRef | string, text: string, asked: ReadonlyArray<string> = []) =>
  Effect.gen(function* () {
    const reader = yield* OutputRef.resolve(typeof ref === "string" ? OutputRef.of(ref) : ref)
    const found = yield* readOutput(reader, { stdout: text, stderr: "" }, asked)
    return {
      ...Object.fromEntries(found.metrics.map(({ name, value }) => [name, value])),
      ...Object.fromEntries(found.others),
      ...(found.broken === undefined ? {} : { broken: found.broken }),
      ...(found.problem === undefined ? {} : { problem: found.problem })
    }
  })

const byName = (ref: OutputRef | string, text: string) =>
  Effect.map(read(ref, text), (metrics) => new Map(Either.getOrThrow(metrics).map((metric) => [metric.name, metric])))

const values = (metrics: ReadonlyMap<string, MetricValue>) =>
  Object.fromEntries([...metrics].map(([name, { value }]) => [name, value]))

it.layer(registry)("the built-in output formats", (it) => {
  it.effect("are registered", () =>
    Effect.gen(function* () {
      const all = yield* Effect.flatMap(OutputFormats, (formats) => formats.list)
      expect(all.map(({ name }) => name)).toEqual(["ExitCode", "Json", "regex", "schbench", "fio", "stress-ng"])
    })
  )

  describe("Json", () => {
    it.effect("finds every number, by its path", () =>
      Effect.gen(function* () {
        const text = JSON.stringify({ a: 1, b: { c: [2, { d: 3.5 }], e: "4", f: null, g: true }, "x.y": -6 })
        expect(values(yield* byName("Json", text))).toEqual({ a: 1, "b.c.0": 2, "b.c.1.d": 3.5, "x.y": -6 })
        expect(values(yield* byName("Json", " 7\n"))).toEqual({ value: 7 })
      })
    )

    it.effect("passes over lines around the document", () =>
      Effect.gen(function* () {
        const text = 'warning: {odd} thing\nnote [1]\n  {"a": 1,\n "b": [2]}\ndone.\n'
        expect(yield* counted("Json", text)).toEqual({ a: 1, "b.0": 2 })
      })
    )

    for (const [text, message] of [
      ["garbage", "is no JSON"],
      ['{"a": 1', "is no JSON"],
      ['{"a": 1 oops}', `is no JSON (expected ',' or '}' at line 1, column 9: "oops}")`],
      [
        'log\n{"a": {"b": 1}, oops, "c": {"d": 2}}',
        `is no JSON (expected a key in quotes at line 2, column 17: "oops,`
      ],
      ['{\n "a": {"b": 1},\n "c"', "is no JSON (it ends where ':' should be at line 3, column 5)"],
      ['{"a": "\\q"}', `expected a string without control characters or unknown escapes at line 1, column 7`],
      ["\uFEFF \n", "is empty"],
      ["[INFO] starting\n[1/3] done\n", `is no JSON (expected a value at line 1, column 2: "INFO] starting")`]
    ] as const) {
      it.effect(`refuses ${text}`, () =>
        Effect.map(read("Json", text), (result) => {
          expect(Either.isLeft(result) ? result.left : "accepted").toContain(message)
        })
      )
    }

    for (const [what, text, expected] of [
      ["a log in brackets around it", '[INFO] starting\n[1/2] run\n{"a": 1}\n[1/2] {done}\n}\n]\n', { a: 1 }],
      ["lines that are lists themselves", '[1]\n{"a": 1}\n[2]\n[]\n', { a: 1 }],
      ["a byte order mark", '\uFEFF{"a": 1}', { a: 1 }],
      ["CRLF", '[INFO]\r\n{\r\n"a": 1\r\n}\r\n[INFO]\r\n', { a: 1 }],
      ["what is no number", '{"a": NaN, "b": -Infinity, "c": -nan, "d": inf, "e": 1}', { e: 1 }],
      ["JSON lines, the last of which counts", '{"a": 1}\n{"a": 2}\n{"a": 3}\n', { a: 3 }],
      ["documents on one line", '{"a": 1} {"a": 2}{"a": 3}', { a: 3 }],
      [
        "a last document that was cut",
        '{"a": 1}\n{"a": 2}\n{"a": 3, "b"',
        { a: 2, broken: "is no JSON (it ends where ':' should be at line 3, column 13)" }
      ],
      ["a document behind a broken one", '{\n"a": {"b": 9},\nwarning\n}\n{"a": 2}\n', { a: 2 }],
      ["a prefix on its line", 'result: {"a": 1} (best of 3)\n', { a: 1 }],
      ["a repeated key", '{"a": 1, "a": 2}', { a: 2 }],
      ["a key that objects have", '{"__proto__": {"x": 1}, "constructor": 2}', { "__proto__.x": 1, constructor: 2 }]
    ] as const) {
      it.effect(`reads ${what}`, () =>
        Effect.gen(function* () {
          expect(yield* counted("Json", text)).toEqual<unknown>(expected)
        })
      )
    }

    for (const [what, text, expected] of [
      ["empty brackets in a line behind the document", 'out {"a": 1}\nbye {}\n', { a: 1 }],
      ["a line of a log that is JSON, behind", '{"a": 1}\n{"level":"info","t":5}\n', { a: 1 }],
      ["a line of a log that is JSON, before one with a prefix", '{"level":"info"}\nresult: {"a": 1}\n', { a: 1 }],
      ["what is like JSON to a person only", "{\"a\": 1}\ncfg {x=1} [2] {'a': 9}\n", { a: 1 }],
      ["a damaged line of a log before", 'note {"x": oops}\n  {"a": 1}\n', { a: 1 }],
      ["a line of a log that opens brackets before", 'note {"x": {\n{"a": 1}\n', { a: 1 }],
      ["the last report's", '{"a": 2, "b": 1}\n{"a": 1}\n[3]\n', { a: 1 }],
      ["NaN for it", '{"a": 1}\n{"a": NaN}\n{}', { a: "NaN" }],
      ["text for it", '{"b": 1}\n{"a": "9"}', { a: "text, not a number" }],
      ["null for it", '{"a": null}', { a: "null, not a number" }],
      [
        "a damaged report behind it",
        '{"a": 1}\n{"a": 9, oops}\n{"level": "info"}\n',
        { a: 1, broken: `is no JSON (expected a key in quotes at line 2, column 10: "oops}")` }
      ],
      [
        "a report that is cut in its first name behind it",
        '{"a": 1}\n{"a',
        { a: 1, broken: "is no JSON (it ends where the end of a string should be at line 2, column 4)" }
      ],
      [
        "a report that is cut behind it, on one line",
        'r {"a": 1} r {"a"',
        { a: 1, broken: "is no JSON (it ends where ':' should be at line 1, column 18)" }
      ]
    ] as const) {
      it.effect(`finds of a metric that is asked for ${what}`, () =>
        Effect.gen(function* () {
          const found = yield* counted("Json", text, ["a"])
          const { a, broken } = { broken: undefined, ...found } as Record<string, unknown>
          expect(broken === undefined ? { a } : { a, broken }).toEqual<unknown>(expected)
        })
      )
    }

    it.effect("reads whatever JSON.stringify writes, among lines of a log", () =>
      Effect.sync(() =>
        fc.assert(
          fc.property(fc.jsonValue(), fc.nat(2), (document, indent) => {
            const text = JSON.stringify({ document }, null, indent)
            const around = `[INFO] begin\n${text}\n[done]}\n`
            expect(Either.getOrThrow(parseDocuments(around)).at(-1)).toEqual({
              _tag: "Document",
              value: JSON.parse(text)
            })
          })
        )
      )
    )

    it.effect("refuses any other text in bounded time, without an exception", () =>
      Effect.sync(() => {
        const pieces = fc.constantFrom("{", "[", "}", "]", '"', ":", ",", "\n", " ", "1", '{"a":1}', "nan", "\\", "x")
        fc.assert(
          fc.property(fc.array(pieces, { maxLength: 200 }), (parts) => {
            const result = parseDocuments(parts.join(""))
            expect(Either.isRight(result) ? result.right.length : result.left.length).toBeGreaterThan(0)
          })
        )
        const mebibyte = (part: string) => part.repeat((1024 * 1024) / part.length)
        for (const text of [
          "[".repeat(200_000),
          '{"a":'.repeat(50_000),
          `{"a": "${"x".repeat(8_000_000)}`,
          `${"[".repeat(200)}${mebibyte("1,")}x`,
          mebibyte('{"a":x}\n'),
          mebibyte('n {"a":x} '),
          mebibyte("[x")
        ]) {
          const began = performance.now()
          const found = parseDocuments(text)
          if (Either.isRight(found)) expect(found.right.every(({ _tag }) => _tag === "Broken")).toBe(true)
          expect(performance.now() - began).toBeLessThan(10_000)
        }
      })
    )

    it.effect("survives a document of a million brackets", () =>
      Effect.map(read("Json", `${"[".repeat(100_000)}1${"]".repeat(100_000)}`), (result) => {
        // Either V8's parser or the depth limit ends it.
        expect(Either.isLeft(result) || result.right.length === 0).toBe(true)
      })
    )
  })

  describe("regex", () => {
    const output = "ops: 1,234\nround 1 lat=5.5us\nround 2 lat=6.5us\nend\n"

    it.effect("takes the last match's group, with unit and polarity", () =>
      Effect.gen(function* () {
        const metrics = yield* byName(
          regex({
            ops: { pattern: "^ops: ([\\d,]+)$", polarity: "higher" },
            lat: { pattern: /lat=(?<value>[\d.]+)(us)/, unit: "us", polarity: "lower" },
            rounds: { pattern: /\d+(?= lat)/ },
            missing: { pattern: /nowhere (\d+)/ }
          }),
          output
        )
        expect([...metrics.values()]).toEqual([
          { name: "ops", value: 1234, unit: undefined, polarity: "higher" },
          { name: "lat", value: 6.5, unit: "us", polarity: "lower" },
          { name: "rounds", value: 2, unit: undefined, polarity: undefined }
        ])
      })
    )

    it.effect("says so when what matches is no number, and hides no other metric", () =>
      Effect.gen(function* () {
        const lat = { pattern: /lat=\S+/ }
        expect(yield* read(regex({ lat }), output)).toEqual(
          Either.left(`has no number for 'lat': it is "lat=6.5us", not a number`)
        )
        expect(yield* counted(regex({ lat, ops: { pattern: /ops: ([\d,]+)/ } }), output, ["lat", "ops"])).toEqual({
          ops: 1234,
          lat: `"lat=6.5us", not a number`
        })
      })
    )

    it.effect("refuses what is no expression, and a payload without metrics", () =>
      Effect.gen(function* () {
        const odd = yield* Effect.flip(OutputRef.resolve(regex({ x: { pattern: "(" } })))
        expect(odd.message).toContain("output format 'regex': metrics.x.pattern: it is no regular expression")
        const none = yield* Effect.flip(OutputRef.resolve(OutputRef.of("regex")))
        expect(none.message).toBe("output format 'regex': metrics: is missing")
      })
    )
  })

  it.effect("schbench: percentiles of the last report", () =>
    Effect.gen(function* () {
      const metrics = yield* byName("schbench", recorded("schbench.txt"))
      expect(values(metrics)).toEqual({
        "wakeup_latency.samples": 16240,
        "wakeup_latency.p50": 7,
        "wakeup_latency.p90": 12,
        "wakeup_latency.p99": 27,
        "wakeup_latency.p99.9": 402,
        "wakeup_latency.min": 1,
        "wakeup_latency.max": 3377,
        "request_latency.samples": 16262,
        "request_latency.p50": 4728,
        "request_latency.p90": 5160,
        "request_latency.p99": 7832,
        "request_latency.p99.9": 12368,
        "request_latency.min": 4081,
        "request_latency.max": 17118,
        "rps.samples": 21,
        "rps.p20": 402,
        "rps.p50": 405,
        "rps.p90": 411,
        "rps.min": 396,
        "rps.max": 414,
        "rps.average": 406.55
      })
      expect(metrics.get("wakeup_latency.p99")).toMatchObject({ unit: "us", polarity: "lower" })
      expect(metrics.get("rps.average")).toMatchObject({ unit: "requests/s", polarity: "higher" })
    })
  )

  it.effect("schbench before version 1", () =>
    Effect.gen(function* () {
      expect(values(yield* byName("schbench", recorded("schbench-0.txt")))).toMatchObject({
        "latency.p50": 22,
        "latency.p99": 1786,
        "latency.p99.5": 5240,
        "latency.max": 24754
      })
    })
  )

  it.effect("schbench: each report of its own, the last of which may break off", () =>
    Effect.gen(function* () {
      const text = recorded("schbench.txt")
      const reports = Either.getOrThrow(yield* reportsOf("schbench", text))
      const p99 = reports.map(({ metrics }) => metrics.find(({ name }) => name === "wakeup_latency.p99")?.value)
      expect(p99).toEqual([25, 27])
      const lines = text.split("\n")
      for (let kept = 20; kept < lines.length - 4; kept++) {
        const cut = `${lines.slice(0, kept).join("\n")}\n`
        const broken = expect.stringMatching(/^breaks off in the percentiles of (wakeup_latency|request_latency|rps)$/)
        expect(yield* counted("schbench", cut, ["wakeup_latency.p99"])).toMatchObject({ broken })
      }
      const ofOne = lines.slice(0, 5).join("\n")
      expect(yield* read("schbench", ofOne)).toEqual(Either.left("breaks off in the percentiles of wakeup_latency"))
    })
  )

  it.effect("stress-ng: half of its YAML has half numbers, which do not count", () =>
    Effect.map(read("stress-ng", recorded("stress-ng.txt").split("      user-time: 0.9597")[0] ?? ""), (result) => {
      expect(result).toEqual(Either.left("is YAML that breaks off: there is no '...' at its end"))
    })
  )

  it.effect("fio: all jobs together, and each", () =>
    Effect.gen(function* () {
      const text = recorded("fio.json")
      const metrics = yield* byName("fio", text)
      const { jobs } = JSON.parse(text.slice(text.indexOf("{")))
      const [reader, both] = jobs
      const get = (name: string) => metrics.get(name)?.value
      expect(get("read.iops")).toBeCloseTo(reader.read.iops + both.read.iops, 6)
      expect(get("write.iops")).toBe(both.write.iops)
      expect(get("read.bw_bytes")).toBe(reader.read.bw_bytes + both.read.bw_bytes)
      const p99 = "99.000000"
      const worst = Math.max(reader.read.clat_ns.percentile[p99], both.read.clat_ns.percentile[p99])
      expect(get("read.clat_ns.p99")).toBe(worst)
      const mean =
        (reader.read.clat_ns.mean * reader.read.total_ios + both.read.clat_ns.mean * both.read.total_ios) /
        (reader.read.total_ios + both.read.total_ios)
      expect(get("read.clat_ns.mean")).toBeCloseTo(mean, 6)
      expect(get("jobs.reader.read.iops")).toBe(reader.read.iops)
      expect(get("jobs.both.write.clat_ns.p99.9")).toBe(both.write.clat_ns.percentile["99.900000"])
      expect([...metrics.keys()].filter((name) => /^jobs\.reader\.write|trim/.test(name))).toEqual([])
      expect(metrics.get("read.iops")).toMatchObject({ unit: "IOPS", polarity: "higher" })
      expect(metrics.get("write.clat_ns.p99")).toMatchObject({ unit: "ns", polarity: "lower" })
      expect(get("error")).toBe(0)
    })
  )

  it.effect("fio: the last whole document of --status-interval counts, and all are a series", () =>
    Effect.gen(function* () {
      const text = recorded("fio.json").slice(recorded("fio.json").indexOf("{"))
      const document = JSON.parse(text)
      const later = { ...document, jobs: document.jobs.map((job: object) => ({ ...job, ctx: 7 })) }
      const output = `fio: this is a warning\n${text}\n${JSON.stringify(later, null, 2)}\n${text.slice(0, 500)}`
      expect(yield* counted("fio", output, ["ctx"])).toMatchObject({
        ctx: 14,
        broken: expect.stringContaining("is no JSON (it ends where")
      })
      const reports = Either.getOrThrow(yield* reportsOf("fio", output))
      expect(reports).toHaveLength(3)
      expect(reports[1]?.metrics.find(({ name }) => name === "ctx")?.value).toBe(14)
    })
  )

  it.effect("fio: other JSON is told apart", () =>
    Effect.map(read("fio", '{"jobs": 3}'), (result) => {
      expect(result).toEqual(Either.left("is JSON, but not fio's (version 3 or later)"))
    })
  )

  it.effect("stress-ng: every stressor's metrics, wherever its log stands", () =>
    Effect.gen(function* () {
      const metrics = yield* byName("stress-ng", recorded("stress-ng.txt"))
      expect(values(metrics)).toEqual({
        "cpu.bogo-ops": 32,
        "cpu.bogo-ops-per-second-usr-sys-time": 30.262022,
        "cpu.bogo-ops-per-second-real-time": 31.087837,
        "cpu.wall-clock-time": 1.029341,
        "cpu.user-time": 0.959734,
        "cpu.system-time": 0.097697,
        "cpu.cpu-usage-per-instance": 102.728885,
        "cpu.max-rss": 7060,
        "switch.bogo-ops": 498,
        "switch.bogo-ops-per-second-usr-sys-time": 1242.49947,
        "switch.bogo-ops-per-second-real-time": 484.477766,
        "switch.wall-clock-time": expect.any(Number),
        "switch.user-time": expect.any(Number),
        "switch.system-time": expect.any(Number),
        "switch.cpu-usage-per-instance": expect.any(Number),
        "switch.max-rss": expect.any(Number),
        "switch.nanosecs-per-context-switch-pipe-method": expect.any(Number)
      })
      expect(metrics.get("switch.nanosecs-per-context-switch-pipe-method")).toMatchObject({
        unit: "ns",
        polarity: "lower"
      })
      expect(metrics.get("cpu.bogo-ops-per-second-real-time")).toMatchObject({ unit: "bogo-ops/s", polarity: "higher" })
    })
  )

  it.effect("stress-ng without --yaml has nothing to read", () =>
    Effect.map(read("stress-ng", "stress-ng: info:  [12] dispatching hogs: 1 cpu\n"), (result) => {
      expect(result).toEqual(Either.right([]))
    })
  )
})
