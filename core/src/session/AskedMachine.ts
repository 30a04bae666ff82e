/**
 * Checks whether the machine that came up is the requested one.
 *
 * @since 0.2.0
 */

import type { ReportedTopology } from "../protocol/index.ts"
import { CpuSet, type Topology } from "../topology/index.ts"

/** Kernel arguments that hide CPUs, cache siblings or nodes of the machine from the kernel. */
const takers = /^(nosmt|nosmp|maxcpus|nr_cpus|possible_cpus|disable_cpu_apicid|numa|acpi|noapic|nolapic)(=|$)/

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`

interface Counts {
  readonly cpus: number
  readonly llcs: number
  readonly nodes: number
  readonly threads: number
}

const sentence = ({ cpus, llcs, nodes, threads }: Counts, list: string): string =>
  [
    `${counted(cpus, "CPU")}${list}`,
    counted(llcs, "LLC"),
    counted(nodes, "NUMA node"),
    `${counted(threads, "thread")} per core`
  ].join(", ")

const groupsBy = (cpus: ReadonlyArray<number>, key: (cpu: number) => unknown): string => {
  const groups = new Map<unknown, Array<number>>()
  for (const cpu of cpus) groups.set(key(cpu), [...(groups.get(key(cpu)) ?? []), cpu])
  return [...groups.values()].map((group) => String(CpuSet.from(group))).join("|")
}

/**
 * Returns in one line how the machine that came up differs from the requested one; undefined if it does not. Names kernel arguments that are known to
 * cause such differences.
 *
 * @since 0.2.0
 * @category accessors
 */
export const notAsAsked = (
  asked: Topology,
  guest: ReportedTopology,
  kargs: ReadonlyArray<string>
): string | undefined => {
  const places = new Map(guest.cpus.map((cpu) => [cpu.cpu, cpu]))
  const online = CpuSet.from(places.keys())
  const siblings = (cpu: number) => places.get(cpu)?.threadSiblings ?? ""
  const threadsPerCore = Math.max(0, ...guest.cpus.map((cpu) => CpuSet.parseLenient(cpu.threadSiblings).size))
  const came: Counts = {
    cpus: online.size,
    llcs: new Set(guest.cpus.map((cpu) => cpu.llcId)).size,
    // A kernel without NUMA has no directory of nodes.
    nodes: Math.max(1, guest.nodes.length),
    threads: threadsPerCore
  }
  const wanted: Counts = {
    cpus: asked.cpus,
    llcs: asked.llcs,
    nodes: asked.numaNodes,
    threads: asked.threadsPerCore
  }
  const words = kargs.filter((word) => takers.test(word))
  const why = words.length === 0 ? "" : `; see the kernel argument${words.length === 1 ? "" : "s"} ${words.join(" ")}`
  const foreign = online.cpus.some((cpu) => cpu >= asked.cpus)
  const same =
    !foreign &&
    (Object.keys(wanted) as unknown as ReadonlyArray<keyof Counts>).every((key) => wanted[key] === came[key])
  const list = came.cpus === wanted.cpus && !foreign ? "" : ` (${online})`
  if (!same) return `asked for ${asked}: ${sentence(wanted, "")}; the guest came up with ${sentence(came, list)}${why}`
  const cpus = [...online.cpus]
  const arranged = [
    ["threads of a core", (cpu: number) => `${asked.place(cpu).llc}/${asked.place(cpu).core}`, siblings],
    ["LLCs", (cpu: number) => asked.place(cpu).llc, (cpu: number) => places.get(cpu)?.llcId],
    ["NUMA nodes", (cpu: number) => asked.place(cpu).node, (cpu: number) => places.get(cpu)?.node]
  ] as const
  for (const [what, ours, theirs] of arranged) {
    const [want, have] = [groupsBy(cpus, ours), groupsBy(cpus, theirs)]
    if (want !== have) return `asked for ${asked}: ${what} ${want}; the guest came up with ${have}${why}`
  }
  return undefined
}
