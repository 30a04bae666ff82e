/**
 * All checks of a run: the allowed settings of each, and what judges it.
 *
 * @since 0.2.0
 */

import { suggestion } from "../base/index.ts"
import type { CheckSettings } from "./CheckSettings.ts"

/**
 * What judges a check. `workers`: the workers' reports; `topology`: the reports and the machine's NUMA nodes; `nobody`: nothing judges it yet, and
 * `needs` names what will.
 *
 * @since 0.2.0
 * @category models
 */
export type CheckJudge =
  | { readonly _tag: "workers" }
  | { readonly _tag: "topology" }
  | { readonly _tag: "nobody"; readonly needs: string }

/**
 * The allowed values of a check, apart from `false`, which switches it off. A number must be one that a run can violate.
 *
 * @since 0.2.0
 * @category models
 */
export type CheckKind =
  | { readonly _tag: "switch" }
  /** A whole number, at least 1. */
  | { readonly _tag: "count" }
  /** An upper limit, inclusive: at least 0, and below `end` if there is one. */
  | { readonly _tag: "atMost"; readonly end?: number }
  /** A lower limit, inclusive: above 0, and at most `end` if there is one. */
  | { readonly _tag: "atLeast"; readonly end?: number }

/**
 * A check's name, settings and judge.
 *
 * @since 0.2.0
 * @category models
 */
export interface Check {
  readonly name: keyof CheckSettings
  readonly kind: CheckKind
  /** Unit of its values; empty if it has none. */
  readonly unit: string
  readonly judge: CheckJudge
  /** One line. */
  readonly description: string
}

const switched: CheckKind = { _tag: "switch" }
const atMost = (end?: number): CheckKind => (end === undefined ? { _tag: "atMost" } : { _tag: "atMost", end })
const atLeast = (end?: number): CheckKind => (end === undefined ? { _tag: "atLeast" } : { _tag: "atLeast", end })

const workers: CheckJudge = { _tag: "workers" }
const topology: CheckJudge = { _tag: "topology" }
const monitor: CheckJudge = { _tag: "nobody", needs: "a monitor of the guest's run queues" }

const check = (kind: CheckKind, unit: string, judge: CheckJudge, description: string) => ({
  kind,
  unit,
  judge,
  description
})

/** The compiler ensures that every check is listed, and core/test/Checks.test.ts that checkWorkers (workerChecks.ts) judges it as the row says. */
const table: Readonly<Record<keyof CheckSettings, Omit<Check, "name">>> = {
  notStarved: check(
    switched,
    "",
    workers,
    "every worker did something; false also drops inherited gap and spread limits"
  ),
  isolation: check(switched, "", workers, "workers ran only on CPUs that cpuset and affinity allowed"),
  maxGapMs: check(atMost(), "ms", workers, "longest time a runnable worker did not run"),
  maxSpreadPct: check(atMost(100), "%", workers, "difference of off-CPU shares among like workers of a cgroup"),
  maxThroughputCv: check(atMost(), "", workers, "variation of work per CPU second among like workers of a cgroup"),
  minWorkRate: check(atLeast(), "/s", workers, "work units per CPU second of each worker"),
  maxP99WakeLatencyNs: check(atMost(), "ns", workers, "99th percentile of a cgroup's wakeup latencies"),
  maxWakeLatencyCv: check(atMost(), "", workers, "variation of a cgroup's wakeup latencies"),
  minIterationRate: check(atLeast(), "/s", workers, "iterations per second of wall time of each worker"),
  maxMigrationRatio: check(atMost(), "", workers, "migrations per iteration of a cgroup"),
  maxImbalanceRatio: check(atMost(), "", monitor, "longest run queue over the shortest, 1 at least"),
  maxLocalDsqDepth: check(atMost(), "", monitor, "tasks waiting in a CPU's local DSQ"),
  failOnStall: check(switched, "", monitor, "no run queue's clock stands still while its CPU has work"),
  sustainedSamples: check({ _tag: "count" }, "", monitor, "samples in a row that must violate a monitor threshold"),
  maxFallbackRate: check(atMost(), "/s", monitor, "fallback dispatches of sched_ext"),
  maxKeepLastRate: check(atMost(), "/s", monitor, "keep-last dispatches of sched_ext"),
  minPageLocality: check(atLeast(1), "", topology, "share of a cgroup's pages on the NUMA nodes of its CPUs"),
  maxCrossNodeMigrationRatio: check(atMost(1), "", topology, "share of a cgroup's migrations that cross NUMA nodes"),
  maxSlowTierRatio: check(atMost(1), "", topology, "share of a cgroup's pages on NUMA nodes without CPUs")
}

const names = Object.keys(table) as unknown as ReadonlyArray<keyof CheckSettings>

const rangeOf = (kind: CheckKind): string => {
  switch (kind._tag) {
    case "switch":
      return "true or false"
    case "count":
      return "a whole number of at least 1, or false to switch it off"
    case "atMost":
      return kind.end === undefined
        ? "a number of at least 0, or false to switch it off"
        : `a number of at least 0 and below ${kind.end}, which nothing exceeds, or false to switch it off`
    case "atLeast":
      return kind.end === undefined
        ? "a number greater than 0, or false to switch it off"
        : `a number greater than 0 and at most ${kind.end}, or false to switch it off`
  }
}

const fits = (kind: CheckKind, value: unknown): boolean => {
  if (kind._tag === "switch") return typeof value === "boolean"
  if (value === false) return true
  if (typeof value !== "number" || !Number.isFinite(value)) return false
  switch (kind._tag) {
    case "count":
      return Number.isInteger(value) && value >= 1
    case "atMost":
      return value >= 0 && value < (kind.end ?? Number.POSITIVE_INFINITY)
    case "atLeast":
      return value > 0 && value <= (kind.end ?? Number.POSITIVE_INFINITY)
  }
}

const shown = (value: unknown): string => (typeof value === "string" ? `'${value}'` : String(value))

/**
 * The table of checks and functions to look them up.
 *
 * @since 0.2.0
 * @category accessors
 */
export const Checks: {
  /** Every check. */
  readonly all: ReadonlyArray<Check>
  readonly get: (name: keyof CheckSettings) => Check
  readonly isName: (name: string) => name is keyof CheckSettings
  readonly isJudged: (name: keyof CheckSettings) => boolean
  /** Returns the first problem of a layer of checks in one line: an unknown name, or a value that can't be judged. */
  readonly problem: (assert: CheckSettings) => string | undefined
} = {
  all: names.map((name) => ({ name, ...table[name] })),
  get: (name) => ({ name, ...table[name] }),
  isName: (name): name is keyof CheckSettings => Object.hasOwn(table, name),
  isJudged: (name) => table[name].judge._tag !== "nobody",
  problem: (assert) => {
    if (typeof assert !== "object" || assert === null) return `checks must be an object, got ${shown(assert)}`
    for (const [name, value] of Object.entries(assert)) {
      if (!Checks.isName(name)) return `unknown check '${name}'${suggestion(name, names)}`
      const { kind } = table[name]
      if (value !== undefined && !fits(kind, value)) return `${name} must be ${rangeOf(kind)}, got ${shown(value)}`
    }
    return undefined
  }
}
