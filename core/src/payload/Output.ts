/**
 * Makes a payload's result from its output and its end.
 *
 * @since 0.1.0
 */
import { Effect, Either } from "effect"
import { type Outcome, worstOutcome } from "../check/index.ts"
import { printable } from "../protocol/index.ts"
import { reportsOf } from "./askReader.ts"
import { askedFor, judgePayload } from "./checks.ts"
import { type ChosenReports, chooseReports } from "./chooseReports.ts"
import { Metric, type MetricSpec, type MetricValue } from "./Metric.ts"
import type { OutputReader, OutputReport } from "./OutputFormat.ts"
import { type PayloadSpec, payloadOutputLimit } from "./Payload.ts"
import type { RecordedProcess } from "./ProcessRecord.ts"
import { PayloadEnd, PayloadResult } from "./Result.ts"

/** Maximum number of lines kept of each stream, and of characters per line. */
const tailLines = 20
const tailLength = 400

const metricLimit = 4096

/** Maximum number of values in the series of a result. */
const seriesLimit = 65_536

/** Returns the last lines of a text, for messages; long lines are cut. */
const tailOf = (text: string): ReadonlyArray<string> => {
  const lines = text
    .slice(-64 * 1024)
    .replace(/\r?\n$/, "")
    .split(/\r?\n/)
  return text === "" ? [] : lines.slice(-tailLines).map((line) => printable(line.slice(0, tailLength)))
}

/** Returns the beginning of a text on one line, quoted. */
const beginning = (text: string): string => {
  const start = text.trim()
  return JSON.stringify(start.slice(0, 60)).replace(/"$/, `${start.length > 60 ? "…" : ""}"`)
}

interface ReadOutput extends ChosenReports {
  readonly problem: string | undefined
}

/** Returns the latest reports that fit within the limit. */
const toSeries = (all: ReadonlyArray<OutputReport>) => {
  const known = all.map(({ metrics }) => metrics.filter(({ value }) => Number.isFinite(value)))
  const reports = known.filter((metrics) => metrics.length > 0)
  const series: Array<Record<string, number>> = []
  if (reports.length < 2) return { series, seriesDropped: 0 }
  let numbers = 0
  for (const report of [...reports].reverse()) {
    numbers += report.length
    if (numbers > seriesLimit) break
    series.unshift(Object.fromEntries(report.map(({ name, value }) => [name, value])))
  }
  return { series, seriesDropped: reports.length - series.length }
}

/**
 * Reads a program's output: standard output, or standard error if that has more of the requested metrics, or if standard output has no metrics at
 * all. `problem` says why there are no metrics, and how the output begins.
 *
 * @since 0.1.0
 * @category reading
 */
export const readOutput: (
  reader: OutputReader,
  output: { readonly stdout: string; readonly stderr: string },
  asked: ReadonlyArray<string>
) => Effect.Effect<ReadOutput> = Effect.fn("PayloadOutput.read")(function* (
  reader: OutputReader,
  { stdout, stderr }: { readonly stdout: string; readonly stderr: string },
  asked: ReadonlyArray<string>
) {
  const nothing = { metrics: [], others: new Map<string, string>(), broken: undefined, reports: [] }
  if (!reader.reads) return { ...nothing, problem: undefined }
  const wrong: Array<string> = []
  const streams: Array<ReadonlyArray<OutputReport>> = []
  for (const text of [stdout, stderr]) {
    if (text.trim() === "") continue
    const read = yield* reportsOf(reader, text)
    if (Either.isRight(read)) streams.push(read.right)
    const broken = Either.isRight(read) ? read.right.find((report) => report.broken !== undefined)?.broken : read.left
    wrong.push(broken === undefined ? `its output has no metrics for ${reader.name}` : `its output ${broken}`)
  }
  const chosen = chooseReports(streams, asked)
  if (chosen !== undefined) return { ...chosen, problem: undefined }
  const [first] = wrong
  if (first === undefined) return { ...nothing, problem: `it printed nothing for ${reader.name} to read` }
  return { ...nothing, problem: `${first}; it begins with ${beginning(stdout.trim() === "" ? stderr : stdout)}` }
})

const toMetrics = (
  found: ReadonlyArray<MetricValue>,
  specs: ReadonlyArray<MetricSpec>,
  asked: ReadonlyArray<string>
): ReadonlyArray<Metric> => {
  const declared = new Map(specs.map((spec) => [spec.name, spec]))
  const byName = new Map(
    found.map((metric) => {
      const spec = declared.get(metric.name)
      const unit = spec?.unit ?? metric.unit ?? null
      const polarity = spec?.polarity ?? metric.polarity ?? "none"
      return [metric.name, Metric.make({ name: metric.name, value: metric.value, unit, polarity })]
    })
  )
  const first = asked.flatMap((name) => byName.get(name) ?? [])
  const others = [...byName.values()].filter((metric) => !asked.includes(metric.name))
  return [...first, ...others].slice(0, Math.max(metricLimit, first.length))
}

const toEnd = ({ end }: RecordedProcess): PayloadEnd => {
  const make = (kind: PayloadEnd["kind"], fields: Partial<PayloadEnd> = {}) =>
    PayloadEnd.make({ kind, code: null, signal: null, message: "", ...fields })
  if (end === undefined) return make("Lost")
  switch (end.kind) {
    case "exited":
      return make(end.stopped ? "Stopped" : "Exited", { code: end.value })
    case "signaled":
      return make(end.stopped ? "Stopped" : "Signaled", { signal: end.value })
    case "timed out":
      return make("TimedOut", { signal: 9 })
    case "not run":
      return make("NotRun", { message: end.message })
  }
}

/**
 * Reads and judges one run. `argv` is the command line in the guest.
 *
 * @since 0.1.0
 * @category judging
 */
export const toPayloadResult: (run: {
  readonly spec: PayloadSpec
  readonly argv: ReadonlyArray<string>
  readonly reader: OutputReader
  readonly process: RecordedProcess
}) => Effect.Effect<PayloadResult> = Effect.fn("PayloadOutput.toResult")(function* ({ argv, process, reader, spec }) {
  const decoder = new TextDecoder()
  const [stdout, stderr] = [decoder.decode(process.stdout), decoder.decode(process.stderr)]
  const { metrics: specs, name } = spec.payload
  const asked = askedFor(specs, spec.checks)
  const read = yield* readOutput(reader, { stdout, stderr }, asked)
  const cut = `; ${process.dropped} bytes beyond its first ${payloadOutputLimit / 2 ** 20} MiB were dropped`
  const unjudged = {
    name,
    cgroup: spec.cgroup === "" ? "/" : spec.cgroup,
    argv,
    format: reader.name,
    end: toEnd(process),
    durationMs: (process.end?.durationNs ?? 0) / 1e6,
    metrics: toMetrics(read.metrics, specs, asked),
    ...toSeries(read.reports),
    problem: read.problem === undefined ? null : `${read.problem}${process.dropped > 0 ? cut : ""}`,
    stdoutTail: tailOf(stdout),
    stderrTail: tailOf(stderr),
    droppedBytes: process.dropped
  }
  const { findings, warnings } = judgePayload(unjudged, read, specs, spec.checks)
  return PayloadResult.make(
    {
      ...unjudged,
      outcome: findings.reduce<Outcome>((worst, { outcome }) => worstOutcome(worst, outcome), "pass"),
      details: findings.map(({ detail }) => printable(detail)),
      warnings: warnings.map(printable)
    },
    { disableValidation: true }
  )
})
