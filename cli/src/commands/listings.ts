/** What `ktstr list` lists: of each kind its entries, the columns of its table, and its JSON. */
import {
  Assert,
  FlagProfile,
  type OutputFormat,
  type Reporter,
  type Scenario,
  Scenarios,
  type Scheduler,
  type WorkType
} from "@ktstr/core"
import { type Check, Checks } from "@ktstr/core/check"
import { type KernelSource, KernelSources, type RemoteCache, RemoteCaches } from "@ktstr/core/kernel"
import { type Backend, Backends, ClockMode } from "@ktstr/core/machine"
import { OutputFormats } from "@ktstr/core/payload"
import { Reporters } from "@ktstr/core/report"
import type { ScenarioNeeds } from "@ktstr/core/scenario"
import { Schedulers } from "@ktstr/core/scheduler"
import { type Preset, Presets } from "@ktstr/core/topology"
import { WorkTypes } from "@ktstr/core/work"
import type { Registries } from "@ktstr/harness"
import { type Column, renderTable } from "@ktstr/reporters"
import { Effect, Either, Option } from "effect"

/** A kind of entries. */
interface Listing<A> {
  /** The argument that selects it. */
  readonly name: string
  /** Its key in the JSON of all kinds. */
  readonly key: string
  readonly entries: Effect.Effect<ReadonlyArray<A>, never, Registries>
  readonly columns: ReadonlyArray<Column<A>>
  readonly json: (entry: A) => unknown
  /** Shown instead of an empty table. */
  readonly none?: string
  /** Shown below the table. */
  readonly note?: string
}

/** A {@link Listing} that hides the type of its entries. */
export interface AnyListing {
  readonly name: string
  readonly key: string
  /** The lines of its table. */
  readonly table: Effect.Effect<ReadonlyArray<string>, never, Registries>
  readonly json: Effect.Effect<ReadonlyArray<unknown>, never, Registries>
}

const listing = <A>({ columns, entries, json, key, name, none, note }: Listing<A>): AnyListing => ({
  name,
  key,
  table: Effect.map(entries, (all) => [
    ...(all.length === 0 && none !== undefined ? [none] : renderTable(columns, all)),
    ...(note === undefined ? [] : [note])
  ]),
  json: Effect.map(entries, (all) => all.map(json))
})

const parameters = (type: WorkType): string => type.params.map((param) => `${param.name}=${param.default}`).join(" ")

const needsOf = ({ cpus, llcs, numaNodes }: ScenarioNeeds): string =>
  [
    numaNodes === undefined ? [] : [`${numaNodes} NUMA nodes`],
    llcs === undefined ? [] : [`${llcs} LLCs`],
    cpus === undefined ? [] : [`${cpus} CPUs`]
  ]
    .flat()
    .join(", ")

const comesFrom = ({ binary }: Scheduler): string => {
  switch (binary._tag) {
    case "Eevdf":
      return "the kernel (cfs before 6.6; also: default)"
    case "KernelBuiltin":
      return "the kernel, switched on"
    case "Path":
      return binary.path
    case "Discover":
      return binary.build === undefined
        ? `a program ${binary.name}`
        : `${binary.name}, built by ${binary.build.join(" ")}`
  }
}

const profileCount = (scheduler: Scheduler): number | undefined =>
  Option.getOrUndefined(Either.getRight(Either.map(FlagProfile.all(scheduler), ({ length }) => length)))

const flagText = (scheduler: Scheduler): string =>
  scheduler.flags
    .map(({ name, requires }) => (requires.length === 0 ? name : `${name} (needs ${requires.join(", ")})`))
    .join(", ")

/** Lists the clocks whose default thresholds may differ, with the name of each. */
const clocks: ReadonlyArray<readonly [title: string, clock: ClockMode]> = [
  ["kvm, host", "kvm"],
  ["emulated", "emulated"],
  ["deterministic", "deterministic"]
]

/** Formats a threshold; `-` means off. */
const defaultOf = ({ name, unit }: Check, clock: ClockMode): string => {
  const value = Assert.forClock(clock)[name]
  if (value === undefined || value === false) return "-"
  return value === true ? "on" : `${value}${unit}`
}

const judgedBy = ({ judge }: Check): string => {
  switch (judge._tag) {
    case "workers":
      return "the workers' reports"
    case "topology":
      return "the workers' reports and the NUMA nodes"
    case "nobody":
      return `nothing yet; takes ${judge.needs}`
  }
}

/** A column with the name and one with the description. */
const described = (
  kind: string,
  what: string
): ReadonlyArray<Column<{ readonly name: string; readonly description?: string | undefined }>> => [
  { title: kind, cell: ({ name }) => name },
  { title: what, cell: ({ description }) => description ?? "" }
]

/** All kinds, in the order in which they are listed. */
export const listings: ReadonlyArray<AnyListing> = [
  listing<Scenario>({
    name: "scenarios",
    key: "scenarios",
    entries: Effect.flatMap(Scenarios, ({ list }) => list),
    columns: [
      { title: "scenario", cell: ({ name }) => name },
      { title: "category", cell: ({ category }) => category },
      { title: "needs", cell: ({ needs }) => needsOf(needs) },
      { title: "what it does", cell: ({ description }) => description }
    ],
    json: ({ category, description, name, needs }) => ({ name, category, description, needs })
  }),
  listing<WorkType>({
    name: "work-types",
    key: "workTypes",
    entries: Effect.flatMap(WorkTypes, ({ list }) => list),
    columns: [
      { title: "work type", cell: ({ aliases, name }) => [name, ...aliases].join(", ") },
      { title: "group", cell: ({ defaultGroupSize }) => String(defaultGroupSize), align: "right" },
      { title: "what it does", cell: ({ description }) => description },
      { title: "parameters", cell: parameters }
    ],
    json: ({ aliases, defaultGroupSize, description, name, params }) => ({
      name,
      aliases,
      description,
      groupSize: defaultGroupSize,
      params: params.map((param) => ({ ...param, min: param.min ?? null, max: param.max ?? null }))
    })
  }),
  listing<OutputFormat>({
    name: "output-formats",
    key: "outputFormats",
    entries: Effect.flatMap(OutputFormats, ({ list }) => list),
    columns: described("output format", "what it reads"),
    json: ({ description, name }) => ({ name, description })
  }),
  listing<Reporter>({
    name: "reporters",
    key: "reporters",
    entries: Effect.flatMap(Reporters, ({ list }) => list),
    columns: described("reporter", "what --format prints with it"),
    json: ({ description, name }) => ({ name, description })
  }),
  listing<Preset>({
    name: "presets",
    key: "presets",
    entries: Effect.succeed(Presets.all),
    columns: [
      { title: "preset", cell: ({ name }) => name },
      { title: "topology", cell: ({ topology }) => topology.toString() },
      { title: "CPUs", cell: ({ topology }) => String(topology.cpus), align: "right" }
    ],
    json: ({ name, smt, topology }) => ({ name, topology: topology.toString(), cpus: topology.cpus, smt })
  }),
  listing<Scheduler>({
    name: "schedulers",
    key: "schedulers",
    entries: Effect.flatMap(Schedulers, ({ list }) => list),
    columns: [
      { title: "scheduler", cell: ({ name }) => name },
      { title: "comes from", cell: comesFrom },
      { title: "profiles", cell: (scheduler) => String(profileCount(scheduler) ?? "too many"), align: "right" },
      { title: "flags", cell: flagText }
    ],
    json: (scheduler) => ({
      name: scheduler.name,
      comesFrom: comesFrom(scheduler),
      profiles: profileCount(scheduler) ?? null,
      flags: scheduler.flags
    })
  }),
  listing<Check>({
    name: "checks",
    key: "checks",
    entries: Effect.succeed(Checks.all),
    columns: [
      { title: "check", cell: ({ name }) => name },
      ...clocks.map(([title, clock]) => ({
        title,
        cell: (check: Check) => defaultOf(check, clock),
        align: "right" as const
      })),
      { title: "judged by", cell: judgedBy },
      { title: "what it bounds", cell: ({ description }) => description }
    ],
    note: "A check that nothing judges yet makes a run inconclusive if a scheduler, scenario or test sets it.",
    json: (check) => ({
      name: check.name,
      kind: check.kind,
      unit: check.unit,
      description: check.description,
      judged: Checks.isJudged(check.name),
      judgedBy: judgedBy(check),
      defaults: Object.fromEntries(
        ClockMode.literals.map((clock) => [clock, Assert.forClock(clock)[check.name] ?? false])
      )
    })
  }),
  listing<KernelSource>({
    name: "kernel-sources",
    key: "kernelSources",
    entries: Effect.flatMap(KernelSources, ({ list }) => list),
    columns: described("kernel source", "what it offers"),
    json: ({ description = "", name }) => ({ name, description })
  }),
  listing<RemoteCache>({
    name: "remote-caches",
    key: "remoteCaches",
    entries: Effect.flatMap(RemoteCaches, ({ list }) => list),
    columns: [{ title: "remote cache", cell: ({ name }) => name }],
    none: "no remote cache: KTSTR_REMOTE_CACHE, KTSTR_GHA_CACHE and plugins enable them",
    json: ({ name }) => ({ name })
  }),
  listing<Backend>({
    name: "backends",
    key: "backends",
    entries: Effect.flatMap(Backends, ({ list }) => list),
    columns: [
      { title: "backend", cell: ({ name }) => name },
      { title: "deterministic clock", cell: ({ countsInstructions }) => (countsInstructions === true ? "yes" : "no") },
      { title: "what it boots", cell: ({ description }) => description }
    ],
    json: ({ countsInstructions = false, description, name }) => ({ name, description, countsInstructions })
  })
]
