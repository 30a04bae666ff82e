import { Metric, PayloadResult, RunEvent, RunResult } from "@ktstr/core"
import { PayloadEnd } from "@ktstr/core/payload"
import { CgroupResult, Rerun } from "@ktstr/core/run"
import { SchedulerReport } from "@ktstr/core/scheduler"
import { describe, expect, it } from "vitest"
import {
  type Ended,
  endedOf,
  eventToLine,
  jsonText,
  printable,
  renderPayloads,
  renderResult,
  renderStats,
  renderSummary,
  renderVerdict,
  resultToJson,
  rowsOf,
  wrap
} from "../src/index.ts"
import { failed, passed, stats } from "./fixtures.ts"

const starved = RunResult.make({
  ...failed,
  details: Array.from({ length: 64 }, (_, i) => `worker ${i} of cg_${i % 32} was starved: it ran for 0ms of 2000ms`),
  cgroups: Array.from({ length: 32 }, (_, i) =>
    CgroupResult.make({ name: `cg_${i}`, workType: "SpinWait", cpuset: "", stats, workers: [] })
  ),
  payloads: [
    PayloadResult.make({
      name: "chatty",
      cgroup: "/",
      argv: ["/bin/chatty"],
      format: "json",
      outcome: "fail",
      details: ["payload chatty said no"],
      end: PayloadEnd.make({ kind: "Exited", code: 1, signal: null, message: "" }),
      durationMs: 10,
      metrics: [],
      problem: null,
      stdoutTail: Array.from({ length: 500 }, (_, i) => `\u001b[2Jline ${i} ${"x".repeat(5000)}`),
      stderrTail: [],
      droppedBytes: 0
    })
  ],
  diagnostics: {
    stage: "scenario running",
    exit: "the guest kernel panicked: oops",
    consoleTail: Array.from({ length: 400 }, (_, i) => `[    ${i}.000000] console line ${i}`)
  },
  savedIn: "/work/.ktstr/runs/failures/now-steady",
  rerun: Rerun.make({ command: `ktstr run steady --kargs '${"a".repeat(300)}'`, schedulerSha256: null })
})

const rows = (text: string, columns: number): number =>
  text
    .trimEnd()
    .split("\n")
    .reduce((sum, line) => sum + rowsOf(line, columns), 0)

describe("a failure on a screen", () => {
  it.each([undefined, 200, 80, 40])(
    "has at most 40 rows, the cause first and the command last: %s columns",
    (columns) => {
      const text = renderResult(starved, { color: false, columns, warnings: true, at: "a.ktstr.ts:5:1" })
      const lines = text.trimEnd().split("\n")
      expect(rows(text, columns ?? Number.POSITIVE_INFINITY)).toBeLessThanOrEqual(40)
      expect(lines[0]).toMatch(/^FAIL steady: worker 0 of cg_0 was/)
      expect(lines.slice(0, 4).join(" ").replaceAll(/ +/g, " ")).toContain("(and 63 more like it)")
      expect(lines.slice(-3)).toEqual([
        "  at a.ktstr.ts:5:1",
        "  saved in /work/.ktstr/runs/failures/now-steady",
        `  run it again: ${starved.rerun?.command}`
      ])
      // Only the command, which is to be copied, is wider than the terminal.
      for (const line of lines.slice(0, -2)) expect(line.length).toBeLessThanOrEqual(columns ?? 1200)
      expect(text).not.toContain("\u001b")
      expect(text).toContain("console line 399")
    }
  )

  it("has everything when asked to", () => {
    const text = renderResult(starved, { color: false, full: true })
    for (const line of [...starved.details, "console line 0", "--- diagnostics ---"]) expect(text).toContain(line)
    expect(text).not.toContain("\u001b")
  })

  it("shows nothing twice", () => {
    const line = "sched_ext: ktstr: told to fail after 1000 ms"
    const text = renderResult(
      RunResult.make({
        ...failed,
        details: ["the kernel's reason: told to fail", "its last words: goodbye, world"],
        schedulerReport: SchedulerReport.make({
          name: "scx",
          profile: "default",
          program: "/scx",
          args: [],
          ops: "scx",
          attachMs: 1,
          starts: 1,
          enableSeq: 1,
          nrRejected: 0,
          exit: "exit",
          kernelReason: "why",
          kernelLog: [],
          log: ["CPU states", "----------", line, "goodbye, world"],
          dump: ["CPU states", "----------"]
        }),
        diagnostics: {
          stage: "scenario running",
          exit: "",
          consoleTail: [`[    1.000000] ${line}`, "[    2.000000] other"]
        }
      }),
      { color: false }
    )
    expect(text.split(line)).toHaveLength(2)
    expect(text.split("goodbye, world")).toHaveLength(2)
    expect(text).not.toContain("CPU states")
    expect(text).toContain("other")
  })
})

describe("printable", () => {
  it.each([
    ["\u001b[31mred\u001b[0m", "red"],
    ["\u001b]0;title\u0007text", "text"],
    ["\u001b]52;c;Zm9v\u001b\\\\text".replace("\\\\", "\\"), "text"],
    ["\u001b", "\\x1b"],
    ["a\rb\bc\td", "a\\x0db\\x08c d"],
    ["\u009b2J", "\\x9b2J"],
    ["\u202eabc", "\\u202eabc"]
  ])("%j becomes %j", (text, shown) => expect(printable(text)).toBe(shown))
})

describe("wrap", () => {
  it("breaks at blanks, and words that are too long anywhere", () => {
    expect(wrap("one two three four", 9, "  ", 9)).toEqual(["one two", "  three", "  four"])
    expect(wrap("x".repeat(20), 9, "  ", 9)).toEqual(["x".repeat(9), `  ${"x".repeat(7)}`, `  ${"x".repeat(4)}`])
    expect(wrap("one two three four", 9, "  ", 2)).toEqual(["one two", "  three …"])
  })
})

describe("the end of a session", () => {
  it("names each cause once: 100 tests, 30 failures", () => {
    const ended: ReadonlyArray<Ended> = Array.from({ length: 100 }, (_, i) => {
      if (i < 62) return { ...endedOf(passed), name: `t${i}` }
      if (i < 67) return { name: `t${i}`, outcome: "skip" as const, cause: "needs at least 2 LLCs", kind: "2" }
      if (i < 70) return { name: `t${i}`, outcome: "inconclusive" as const, cause: "no end", kind: "no end" }
      return { ...endedOf(failed), name: `t${i}`, ...(i < 75 ? { cause: "other", kind: "other" } : {}) }
    })
    expect(renderSummary(ended, { color: false }).trimEnd().split("\n")).toEqual([
      "62 pass, 30 fail, 3 inconclusive, 5 skip",
      "  skip 5: needs at least 2 LLCs",
      "FAIL t70: other",
      "  the same cause: 4 more: t71, t72, t73, … 1 more",
      `FAIL t75: ${failed.details[0]}`,
      "  the same cause: 24 more: t76, t77, t78, … 21 more",
      "INCONCLUSIVE t67: no end",
      "  the same cause: 2 more: t68, t69"
    ])
  })

  it("is silent after one pass", () => {
    expect(renderSummary([endedOf(passed)], { color: false })).toBe("")
  })
})

describe("what a guest, a scheduler or a payload named", () => {
  const evil = "\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e\r"
  const hostile = (result: RunResult) =>
    RunResult.make({
      ...result,
      scenario: `s${evil}`,
      variant: evil,
      scheduler: evil,
      details: result.details.map((detail) => detail + evil),
      warnings: [evil],
      kernel: { ...result.kernel, release: evil },
      cgroups: result.cgroups.map((cgroup) => CgroupResult.make({ ...cgroup, name: evil, workType: evil })),
      payloads: starved.payloads.map((payload) =>
        PayloadResult.make({
          ...payload,
          name: evil,
          cgroup: evil,
          metrics: [Metric.make({ name: evil, value: 1, unit: evil, polarity: "none" })]
        })
      ),
      diagnostics: { stage: "scenario running", exit: evil, consoleTail: [evil] },
      savedIn: evil
    })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be left
  const obeyed = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/

  it.each([
    ["a pass", hostile(passed)],
    ["a failure", hostile(starved)]
  ])("comes to no reader as a command: %s", (_, result) => {
    for (const full of [false, true]) {
      expect(renderResult(result, { color: false, warnings: true, full, at: evil })).not.toMatch(obeyed)
      expect(renderVerdict(result, { color: false, full })).not.toMatch(obeyed)
    }
    expect(renderSummary([endedOf(result), endedOf(result)], { color: false })).not.toMatch(obeyed)
    expect(renderStats(result.cgroups).join("")).not.toMatch(obeyed)
    expect(renderPayloads(result.payloads).join("")).not.toMatch(obeyed)
    const text = jsonText(resultToJson(result))
    expect(text).not.toMatch(obeyed)
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(resultToJson(result))))
    expect(eventToLine(RunEvent.RunFinished({ result }))).not.toMatch(obeyed)
  })
})
