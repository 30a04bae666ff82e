/**
 * Output format of fio, the I/O tester: its JSON.
 *
 * @since 0.1.0
 */

import { OutputFormat } from "@ktstr/core"
import type { MetricValue, OutputReport } from "@ktstr/core/payload"
import { Either, Option, Schema } from "effect"
import { parseDocuments } from "./internal/document.ts"

const Latency = Schema.Struct({
  max: Schema.Number,
  mean: Schema.Number,
  percentile: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.Number }))
})

const Direction = Schema.Struct({
  iops: Schema.Number,
  bw_bytes: Schema.Number,
  total_ios: Schema.Number,
  clat_ns: Schema.optional(Latency),
  lat_ns: Schema.optional(Latency)
})

const Job = Schema.Struct({
  jobname: Schema.String,
  error: Schema.Number,
  read: Schema.optional(Direction),
  write: Schema.optional(Direction),
  trim: Schema.optional(Direction),
  usr_cpu: Schema.optional(Schema.Number),
  sys_cpu: Schema.optional(Schema.Number),
  ctx: Schema.optional(Schema.Number)
})

const decode = Schema.decodeUnknownEither(Schema.Struct({ jobs: Schema.Array(Job) }))

const percentiles = ["50", "90", "95", "99", "99.9", "99.99"] as const

type Combine = (values: ReadonlyArray<number>, weights: ReadonlyArray<number>) => number

const sum: Combine = (values) => values.reduce((a, b) => a + b, 0)
const worst: Combine = (values) => Math.max(...values)
const weighted: Combine = (values, weights) => {
  const all = sum(weights, [])
  return all === 0 ? 0 : values.reduce((a, value, i) => a + value * (weights[i] ?? 0), 0) / all
}

const directions = ["read", "write", "trim"] as const

/** Returns the metrics of several jobs together; directions without I/O are left out. */
const metricsOf = (jobs: ReadonlyArray<typeof Job.Type>, prefix: string): ReadonlyArray<MetricValue> => {
  const metrics: Array<MetricValue> = []
  for (const name of directions) {
    const active = jobs.flatMap((job) => (job[name] !== undefined && job[name].total_ios > 0 ? [job[name]] : []))
    const ios = active.map((direction) => direction.total_ios)
    const add = (
      leaf: string,
      unit: string,
      polarity: "higher" | "lower" | "none",
      combine: Combine,
      read: (direction: typeof Direction.Type) => number | undefined
    ) => {
      const values = active.map(read)
      const known = values.filter((value) => value !== undefined)
      // A metric that one job lacks is left out of the sum.
      if (known.length === 0 || known.length < values.length) return
      metrics.push({ name: `${prefix}${name}.${leaf}`, value: combine(known, ios), unit, polarity })
    }
    add("iops", "IOPS", "higher", sum, (direction) => direction.iops)
    add("bw_bytes", "B/s", "higher", sum, (direction) => direction.bw_bytes)
    add("total_ios", "", "none", sum, (direction) => direction.total_ios)
    for (const latency of ["clat_ns", "lat_ns"] as const) {
      add(`${latency}.mean`, "ns", "lower", weighted, (direction) => direction[latency]?.mean)
      add(`${latency}.max`, "ns", "lower", worst, (direction) => direction[latency]?.max)
      for (const at of percentiles) {
        const key = Number(at).toFixed(6)
        add(`${latency}.p${at}`, "ns", "lower", worst, (direction) => direction[latency]?.percentile?.[key])
      }
    }
  }
  const overall = (
    name: string,
    unit: string,
    combine: Combine,
    read: (job: typeof Job.Type) => number | undefined
  ) => {
    const known = jobs.map(read).filter((value) => value !== undefined)
    if (known.length > 0) {
      const weights = known.map(() => 1)
      metrics.push({ name: `${prefix}${name}`, value: combine(known, weights), unit, polarity: "none" })
    }
  }
  overall("usr_cpu", "%", weighted, (job) => job.usr_cpu)
  overall("sys_cpu", "%", weighted, (job) => job.sys_cpu)
  overall("ctx", "", sum, (job) => job.ctx)
  const error = Math.max(0, ...jobs.map((job) => Math.abs(job.error)))
  metrics.push({ name: `${prefix}error`, value: error, unit: "", polarity: "lower" })
  return metrics
}

type Document = { readonly jobs: ReadonlyArray<typeof Job.Type> }

const allMetrics = ({ jobs }: Document): ReadonlyArray<MetricValue> => {
  if (jobs.length === 0) return []
  const names = jobs.length > 1 ? [...new Set(jobs.map((job) => job.jobname))] : []
  const apart = (name: string) =>
    metricsOf(
      jobs.filter((job) => job.jobname === name),
      `jobs.${name}.`
    )
  return [...metricsOf(jobs, ""), ...names.flatMap(apart)]
}

/** With `--status-interval`, or after a kill, there are several documents; the last may be incomplete. */
const reportsOf = (text: string): Either.Either<ReadonlyArray<OutputReport>, string> =>
  Either.flatMap(parseDocuments(text), (documents) => {
    const reports = documents.flatMap((found): ReadonlyArray<OutputReport> => {
      if (found._tag === "Broken") return [{ metrics: [], broken: found.why }]
      return Option.toArray(Option.map(Either.getRight(decode(found.value)), (jobs) => ({ metrics: allMetrics(jobs) })))
    })
    return documents.some(({ _tag }) => _tag === "Document") && reports.every(({ broken }) => broken !== undefined)
      ? Either.left("is JSON, but not fio's (version 3 or later)")
      : Either.right(reports)
  })

/**
 * `read.iops`, `read.bw_bytes`, `read.clat_ns.p99`, and the same for `write` and `trim`, for all jobs together: rates added up, means
 * weighted, percentiles and maxima those of the worst job. With several jobs `jobs.NAME.read.iops` as well. `error` is the
 * greatest errno. Of several documents (`--status-interval`) the last counts. Adds `--output-format=json`.
 *
 * @since 0.1.0
 * @category output formats
 */
export const Fio: OutputFormat = OutputFormat.make({
  name: "fio",
  description: "the JSON of fio: read.iops, read.bw_bytes, read.clat_ns.p99, write.…",
  args: ["--output-format=json"],
  reports: reportsOf
})
