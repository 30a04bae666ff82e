/**
 * `ktstr list`: lists scenarios, work types, output formats, presets, schedulers, checks, kernel sources, remote caches and backends.
 *
 * @since 0.1.0
 */

import {
  Assert,
  ExitCode,
  FlagProfile,
  type OutputFormat,
  type ReporterOutput,
  type Scenario,
  Scenarios,
  type Scheduler,
  type WorkType
} from "@ktstr/core"
import { suggestion } from "@ktstr/core/base"
import { type Check, Checks } from "@ktstr/core/check"
import { type KernelSource, KernelSources, type RemoteCache, RemoteCaches } from "@ktstr/core/kernel"
import { type Backend, Backends, ClockMode } from "@ktstr/core/machine"
import { OutputFormats } from "@ktstr/core/payload"
import type { ScenarioNeeds } from "@ktstr/core/scenario"
import { Schedulers } from "@ktstr/core/scheduler"
import { Presets } from "@ktstr/core/topology"
import { WorkTypes } from "@ktstr/core/work"
import { layerRegistries, loadPlugins } from "@ktstr/harness"
import { renderTable } from "@ktstr/reporters"
import { Effect, Either, Option } from "effect"
import { type Invocation, UsageError } from "../parse/index.ts"

const kinds = [
  "scenarios",
  "work-types",
  "output-formats",
  "presets",
  "schedulers",
  "checks",
  "kernel-sources",
  "remote-caches",
  "backends"
] as const

type Kind = (typeof kinds)[number]

const parameters = (type: WorkType): string => type.params.map((param) => `${param.name}=${param.default}`).join(" ")

/** Holds what ktstr and the plugins registered. */
interface Registered {
  readonly types: ReadonlyArray<WorkType>
  readonly formats: ReadonlyArray<OutputFormat>
  readonly scenarios: ReadonlyArray<Scenario>
  readonly schedulers: ReadonlyArray<Scheduler>
  readonly sources: ReadonlyArray<KernelSource>
  readonly remotes: ReadonlyArray<RemoteCache>
  readonly backends: ReadonlyArray<Backend>
}

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

const tableOf = (
  kind: Kind,
  { backends, formats, remotes, scenarios, schedulers, sources, types }: Registered
): ReadonlyArray<string> => {
  switch (kind) {
    case "scenarios":
      return renderTable(
        [
          { title: "scenario", cell: (scenario) => scenario.name },
          { title: "category", cell: (scenario) => scenario.category },
          { title: "needs", cell: (scenario) => needsOf(scenario.needs) },
          { title: "what it does", cell: (scenario) => scenario.description }
        ],
        scenarios
      )
    case "work-types":
      return renderTable(
        [
          { title: "work type", cell: (type) => [type.name, ...type.aliases].join(", ") },
          { title: "group", cell: (type) => String(type.defaultGroupSize), align: "right" },
          { title: "what it does", cell: (type) => type.description },
          { title: "parameters", cell: parameters }
        ],
        types
      )
    case "output-formats":
      return renderTable(
        [
          { title: "output format", cell: (format) => format.name },
          { title: "what it reads", cell: (format) => format.description }
        ],
        formats
      )
    case "presets":
      return renderTable(
        [
          { title: "preset", cell: (preset) => preset.name },
          { title: "topology", cell: (preset) => preset.topology.toString() },
          { title: "CPUs", cell: (preset) => String(preset.topology.cpus), align: "right" }
        ],
        Presets.all
      )
    case "schedulers":
      return renderTable(
        [
          { title: "scheduler", cell: (scheduler) => scheduler.name },
          { title: "comes from", cell: comesFrom },
          { title: "profiles", cell: (scheduler) => String(profileCount(scheduler) ?? "too many"), align: "right" },
          { title: "flags", cell: flagText }
        ],
        schedulers
      )
    case "checks":
      return [
        ...renderTable<Check>(
          [
            { title: "check", cell: (check) => check.name },
            ...clocks.map(([title, clock]) => ({
              title,
              cell: (check: Check) => defaultOf(check, clock),
              align: "right" as const
            })),
            { title: "judged by", cell: judgedBy },
            { title: "what it bounds", cell: (check) => check.description }
          ],
          Checks.all
        ),
        "A check that nothing judges yet makes a run inconclusive if a scheduler, scenario or test sets it."
      ]
    case "kernel-sources":
      return renderTable(
        [
          { title: "kernel source", cell: (source) => source.name },
          { title: "what it offers", cell: (source) => source.description ?? "" }
        ],
        sources
      )
    case "remote-caches":
      return remotes.length === 0
        ? ["no remote cache: KTSTR_REMOTE_CACHE, KTSTR_GHA_CACHE and plugins enable them"]
        : renderTable([{ title: "remote cache", cell: (remote) => remote.name }], remotes)
    case "backends":
      return renderTable(
        [
          { title: "backend", cell: (backend) => backend.name },
          { title: "deterministic clock", cell: (backend) => (backend.countsInstructions === true ? "yes" : "no") },
          { title: "what it boots", cell: (backend) => backend.description }
        ],
        backends
      )
  }
}

const jsonOf = (
  kind: Kind,
  { backends, formats, remotes, scenarios, schedulers, sources, types }: Registered
): ReadonlyArray<unknown> => {
  switch (kind) {
    case "scenarios":
      return scenarios.map(({ name, category, description, needs }) => ({ name, category, description, needs }))
    case "work-types":
      return types.map(({ name, aliases, description, params, defaultGroupSize }) => ({
        name,
        aliases,
        description,
        groupSize: defaultGroupSize,
        params: params.map((param) => ({ ...param, min: param.min ?? null, max: param.max ?? null }))
      }))
    case "output-formats":
      return formats.map(({ name, description }) => ({ name, description }))
    case "presets":
      return Presets.all.map(({ name, topology, smt }) => ({
        name,
        topology: topology.toString(),
        cpus: topology.cpus,
        smt
      }))
    case "schedulers":
      return schedulers.map((scheduler) => ({
        name: scheduler.name,
        comesFrom: comesFrom(scheduler),
        profiles: profileCount(scheduler) ?? null,
        flags: scheduler.flags
      }))
    case "checks":
      return Checks.all.map((check) => ({
        name: check.name,
        kind: check.kind,
        unit: check.unit,
        description: check.description,
        judged: Checks.isJudged(check.name),
        judgedBy: judgedBy(check),
        defaults: Object.fromEntries(
          ClockMode.literals.map((clock) => [clock, Assert.forClock(clock)[check.name] ?? false])
        )
      }))
    case "kernel-sources":
      return sources.map(({ description = "", name }) => ({ name, description }))
    case "remote-caches":
      return remotes.map(({ name }) => ({ name }))
    case "backends":
      return backends.map(({ countsInstructions = false, description, name }) => ({
        name,
        description,
        countsInstructions
      }))
  }
}

const jsonKey: Readonly<Record<Kind, string>> = {
  scenarios: "scenarios",
  "work-types": "workTypes",
  "output-formats": "outputFormats",
  presets: "presets",
  schedulers: "schedulers",
  checks: "checks",
  "kernel-sources": "kernelSources",
  "remote-caches": "remoteCaches",
  backends: "backends"
}

/**
 * Lists one kind or all kinds. As JSON, one kind is a list, and all kinds are an object of lists.
 *
 * @since 0.1.0
 * @category commands
 */
export const list = (invocation: Extract<Invocation, { command: "list" }>, { out }: ReporterOutput) =>
  Effect.gen(function* () {
    const named = invocation.args[0]
    const kind = kinds.find((candidate) => candidate === named)
    if (named !== undefined && kind === undefined) {
      return yield* new UsageError({ message: `unknown list kind '${named}'${suggestion(named, kinds)}` })
    }
    const plugins = yield* loadPlugins(process.cwd())
    const registered = yield* Effect.provide(
      Effect.all({
        types: Effect.flatMap(WorkTypes, (registry) => registry.list),
        formats: Effect.flatMap(OutputFormats, (registry) => registry.list),
        scenarios: Effect.flatMap(Scenarios, (registry) => registry.list),
        schedulers: Effect.flatMap(Schedulers, (registry) => registry.list),
        sources: Effect.flatMap(KernelSources, (registry) => registry.list),
        remotes: Effect.flatMap(RemoteCaches, (registry) => registry.list),
        backends: Effect.flatMap(Backends, (registry) => registry.list)
      }),
      layerRegistries(plugins)
    )
    if (invocation.values.json) {
      const value =
        kind === undefined
          ? Object.fromEntries(kinds.map((each) => [jsonKey[each], jsonOf(each, registered)]))
          : jsonOf(kind, registered)
      yield* out.write(`${JSON.stringify(value, undefined, 2)}\n`)
    } else {
      const tables = (kind === undefined ? kinds : [kind]).map((each) => `${tableOf(each, registered).join("\n")}\n`)
      yield* out.write(tables.join("\n"))
    }
    return ExitCode.pass
  })
