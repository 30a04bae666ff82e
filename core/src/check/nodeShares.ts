import { CpuSet, type TestTopology } from "../topology/index.ts"
import type { PlannedGroup } from "./Expected.ts"
import type { WorkerReport } from "./WorkerReport.ts"

/** A share from 0 to 1, or the reason why there is none. `idle`: with this machine or cpuset the share could only be perfect. */
export type Share =
  | { readonly value: number }
  | { readonly value: null; readonly missing: string; readonly idle: boolean }

/** How a cgroup's memory and migrations are spread over the NUMA nodes. */
export interface NodeShares {
  readonly locality: Share
  readonly crossings: Share
  readonly slowTier: Share
}

const none = (missing: string): Share => ({ value: null, missing, idle: false })
const idle = (missing: string): Share => ({ value: null, missing, idle: true })

const noPages = "no page of its workers is known"

/** Returns the CPUs that cpuset and affinity allowed a worker at the end; undefined if the worker belongs to no group of the plan. */
const allowedAtEnd = (groups: ReadonlyArray<PlannedGroup>, report: WorkerReport): CpuSet | undefined => {
  const group = groups.find(({ group }) => group === report.group)
  const last = group?.cpusets.at(-1)?.cpus
  const ever = group?.allowedCpus[report.index]
  if (last === undefined || ever === undefined) return last ?? ever
  const both = last.intersect(ever)
  return both.isEmpty ? last : both
}

/** Returns the share of these workers' pages that lie on their own listed nodes; null without pages. */
const pagesOn = (
  workers: ReadonlyArray<{ readonly report: WorkerReport; readonly nodes: ReadonlySet<number> }>
): number | null => {
  let [good, all] = [0, 0]
  for (const { nodes, report } of workers) {
    for (const { node, pages } of report.numaPages) {
      all += pages
      if (nodes.has(node)) good += pages
    }
  }
  return all === 0 ? null : good / all
}

const locality = (
  topology: TestTopology,
  groups: ReadonlyArray<PlannedGroup>,
  reports: ReadonlyArray<WorkerReport>
): Share => {
  const workers = reports.flatMap((report) => {
    const allowed = allowedAtEnd(groups, report)
    return allowed === undefined ? [] : [{ report, nodes: new Set(topology.nodesForCpuset(allowed)) }]
  })
  // The pages of a worker that may run everywhere are local on every node.
  const bound = workers.filter(({ nodes }) => nodes.size < topology.nodes.length)
  if (workers.length > 0 && bound.length === 0) return idle("its workers may use the CPUs of every NUMA node")
  const value = pagesOn(bound)
  return value === null ? none(noPages) : { value }
}

const crossings = (topology: TestTopology, reports: ReadonlyArray<WorkerReport>): Share => {
  const populated = topology.nodes.filter((node) => !node.cpus.isEmpty)
  if (populated.length < 2) return idle("the machine has CPUs on one NUMA node only")
  const nodeOf = (cpu: number) => topology.nodesForCpuset(CpuSet.from([cpu]))[0]
  const ends = reports.flatMap(({ migrations }) => migrations.map(({ from, to }) => [nodeOf(from), nodeOf(to)]))
  const known = ends.filter(([from, to]) => from !== undefined && to !== undefined)
  if (known.length === 0) return none("none of its workers migrated")
  return { value: known.filter(([from, to]) => from !== to).length / known.length }
}

const slowTier = (topology: TestTopology, reports: ReadonlyArray<WorkerReport>): Share => {
  const nodes = new Set(topology.nodes.map(({ index }) => index).filter((node) => topology.isMemoryOnly(node)))
  if (nodes.size === 0) return idle("the machine has no NUMA node without CPUs")
  const value = pagesOn(reports.map((report) => ({ report, nodes })))
  return value === null ? none(noPages) : { value }
}

/** Returns the shares of a cgroup. Without a topology, no share is known. */
export const nodeShares = (
  topology: TestTopology | undefined,
  groups: ReadonlyArray<PlannedGroup>,
  reports: ReadonlyArray<WorkerReport>
): NodeShares => {
  if (topology === undefined) {
    const unknown = none("the machine's NUMA nodes are not known")
    return { locality: unknown, crossings: unknown, slowTier: unknown }
  }
  return {
    locality: locality(topology, groups, reports),
    crossings: crossings(topology, reports),
    slowTier: slowTier(topology, reports)
  }
}
