/**
 * `ktstr topo`: shows this machine's topology.
 *
 * @since 0.1.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { ExitCode, type ReporterOutput, TestTopology } from "@ktstr/core"
import { readHostTopology, type SysfsTopology } from "@ktstr/core/topology"
import { renderTable } from "@ktstr/reporters"
import { Effect } from "effect"
import type { Invocation } from "../parse/index.ts"

const only = (values: Iterable<number>): number | undefined => {
  const distinct = new Set(values)
  return distinct.size === 1 ? [...distinct][0] : undefined
}

/**
 * Returns the shape as `--topology` takes it, or undefined if LLCs or cores differ.
 *
 * @since 0.1.0
 * @category accessors
 */
export const shapeOf = (topology: TestTopology): string | undefined => {
  const cores = only(topology.llcs.map((llc) => llc.cores.length))
  const threads = only(topology.llcs.flatMap((llc) => llc.cores.map((core) => core.size)))
  return cores === undefined || threads === undefined
    ? undefined
    : `${topology.nodes.length}n${topology.llcs.length}l${cores}c${threads}t`
}

const json = (sysfs: SysfsTopology, topology: TestTopology) => ({
  shape: shapeOf(topology) ?? null,
  cpus: sysfs.cpus,
  nodes: sysfs.nodes,
  llcs: topology.llcs.map((llc) => ({
    index: llc.index,
    node: llc.node,
    cpus: llc.cpus.toString(),
    cores: llc.cores.map((core) => core.toString())
  }))
})

const text = (topology: TestTopology): ReadonlyArray<string> => [
  `${shapeOf(topology) ?? "not uniform"}: ${topology.allCpus.size} CPUs, ${topology.nodes.length} NUMA node(s), ${topology.llcs.length} LLC(s)`,
  "",
  ...renderTable(
    [
      { title: "LLC", cell: (llc) => String(llc.index), align: "right" },
      { title: "node", cell: (llc) => String(llc.node), align: "right" },
      { title: "CPUs", cell: (llc) => llc.cpus.toString() },
      { title: "cores (threads)", cell: (llc) => llc.cores.map((core) => core.toString()).join(" ") }
    ],
    topology.llcs
  ),
  "",
  ...renderTable(
    [
      { title: "node", cell: (node) => String(node.index), align: "right" },
      { title: "CPUs", cell: (node) => node.cpus.toString() },
      {
        title: "memory",
        cell: (node) => (node.memTotalKb === undefined ? "" : `${Math.round(node.memTotalKb / 1024)} MiB`),
        align: "right"
      },
      {
        title: "distances",
        cell: (node) => topology.nodes.map((other) => topology.distance(node.index, other.index)).join(" ")
      }
    ],
    topology.nodes
  ),
  ""
]

/**
 * Prints the topology of this machine.
 *
 * @since 0.1.0
 * @category commands
 */
export const topo = (invocation: Extract<Invocation, { command: "topo" }>, { out }: ReporterOutput) =>
  Effect.gen(function* () {
    const sysfs = yield* Effect.orDie(readHostTopology())
    const topology = TestTopology.fromSysfs(sysfs)
    yield* out.write(
      invocation.values.json ? `${JSON.stringify(json(sysfs, topology), undefined, 2)}\n` : text(topology).join("\n")
    )
    return ExitCode.pass
  }).pipe(Effect.provide(NodeFileSystem.layer))
