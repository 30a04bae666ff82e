/**
 * The topology as a scenario sees it: which CPUs it may use, which CPUs share a cache, and how far the nodes are apart.
 *
 * @since 0.1.0
 */
import { CpuSet } from "./CpuSet.ts"
import type { Topology } from "./Topology.ts"

/**
 * A last-level cache and the CPUs that share it.
 *
 * @since 0.1.0
 * @category models
 */
export interface LlcInfo {
  readonly index: number
  readonly node: number
  readonly cpus: CpuSet
  /** The threads of each core, by core. */
  readonly cores: ReadonlyArray<CpuSet>
  /** Undefined if unknown. */
  readonly cacheSizeKb: number | undefined
}

/**
 * A NUMA node and its CPUs, which may be none.
 *
 * @since 0.1.0
 * @category models
 */
export interface NodeInfo {
  readonly index: number
  readonly cpus: CpuSet
  /** Undefined if unknown. */
  readonly memTotalKb: number | undefined
}

/**
 * CPUs and nodes from sysfs, in the form in which the guest agent sends them.
 *
 * @since 0.1.0
 * @category models
 */
export interface SysfsTopology {
  readonly cpus: ReadonlyArray<{
    readonly cpu: number
    readonly node: number
    readonly package: number
    readonly coreId: number
    /** Lowest CPU that shares the last-level cache. */
    readonly llcId: number
  }>
  readonly nodes: ReadonlyArray<{
    readonly node: number
    readonly cpulist: string
    readonly memTotalKb: number
    readonly distances: ReadonlyArray<number>
  }>
}

/** ACPI 6.5, 5.2.17: a distance of 255 means unreachable; here it also stands for unknown. */
const unknownDistance = 255

/**
 * An immutable description of the machine on which a scenario runs.
 *
 * @since 0.1.0
 * @category models
 */
export class TestTopology {
  readonly llcs: ReadonlyArray<LlcInfo>
  readonly nodes: ReadonlyArray<NodeInfo>
  readonly allCpus: CpuSet
  /** All CPUs but the last if there are more than 2; the last one is left to the root cgroup. */
  readonly usableCpus: CpuSet
  private readonly distances: ReadonlyMap<number, ReadonlyArray<number>>

  private constructor(
    llcs: ReadonlyArray<LlcInfo>,
    nodes: ReadonlyArray<NodeInfo>,
    distances: ReadonlyMap<number, ReadonlyArray<number>>
  ) {
    this.llcs = llcs
    this.nodes = nodes
    this.distances = distances
    this.allCpus = CpuSet.unionAll(llcs.map((llc) => llc.cpus))
    this.usableCpus = this.allCpus.size > 2 ? this.allCpus.slice(0, this.allCpus.size - 1) : this.allCpus
  }

  /** Makes the description of a machine booted with this topology. */
  static fromTopology(topology: Topology): TestTopology {
    const llcs = Array.from({ length: topology.llcs }, (_, index): LlcInfo => {
      const cpus = topology.cpusInLlc(index)
      const cores = Array.from({ length: topology.coresPerLlc }, (_, core) =>
        cpus.slice(core * topology.threadsPerCore, (core + 1) * topology.threadsPerCore)
      )
      return { index, node: topology.nodeOfLlc(index), cpus, cores, cacheSizeKb: undefined }
    })
    const nodes = topology.nodes.map(
      (node): NodeInfo => ({
        index: node.index,
        cpus: topology.cpusInNode(node.index),
        memTotalKb: node.memoryMb === undefined ? undefined : node.memoryMb * 1024
      })
    )
    return new TestTopology(llcs, nodes, new Map(topology.distances.map((row, index) => [index, row])))
  }

  /** Makes the description of a running machine from its sysfs. LLCs are numbered by their lowest CPU. */
  static fromSysfs(sysfs: SysfsTopology): TestTopology {
    const byLlc = groupBy(sysfs.cpus, (cpu) => cpu.llcId)
    const llcs = [...byLlc.entries()]
      .sort(([a], [b]) => a - b)
      .map(([, members], index): LlcInfo => {
        const cores = groupBy(members, (cpu) => `${cpu.package}:${cpu.coreId}`)
        return {
          index,
          node: members[0]!.node,
          cpus: CpuSet.from(members.map((cpu) => cpu.cpu)),
          cores: [...cores.values()].map((threads) => CpuSet.from(threads.map((cpu) => cpu.cpu))),
          cacheSizeKb: undefined
        }
      })
    const nodes = sysfs.nodes.map(
      (node): NodeInfo => ({
        index: node.node,
        cpus: CpuSet.parseLenient(node.cpulist),
        memTotalKb: node.memTotalKb
      })
    )
    // The kernel's distance row lists only the online nodes, in order.
    const numbers = nodes.map((node) => node.index)
    const distances = sysfs.nodes.map((node) => {
      const row: Array<number> = []
      for (const [position, distance] of node.distances.entries()) {
        const to = numbers[position]
        if (to !== undefined) row[to] = distance
      }
      return [node.node, row] as const
    })
    return new TestTopology(llcs, nodes, new Map(distances))
  }

  /** Returns the CPUs of an LLC; empty if there is no such LLC. */
  cpusInLlc(llc: number): CpuSet {
    return this.llcs[llc]?.cpus ?? CpuSet.empty
  }

  /** Returns the CPUs of a node; empty if there is no such node, or if it has only memory. */
  numaCpus(node: number): CpuSet {
    return this.nodes.find((n) => n.index === node)?.cpus ?? CpuSet.empty
  }

  /** Returns the nodes that contain at least one CPU of the set, ascending. */
  nodesForCpuset(set: CpuSet): ReadonlyArray<number> {
    return this.nodes.filter((node) => !node.cpus.intersect(set).isEmpty).map((node) => node.index)
  }

  /** Returns the total memory of a node in KiB; undefined if unknown. */
  nodeMeminfo(node: number): number | undefined {
    return this.nodes.find((n) => n.index === node)?.memTotalKb
  }

  /** Returns the NUMA distance; 255 if unknown. */
  distance(from: number, to: number): number {
    return this.distances.get(from)?.[to] ?? unknownDistance
  }

  isMemoryOnly(node: number): boolean {
    return this.nodes.find((n) => n.index === node)?.cpus.isEmpty ?? false
  }

  /** Returns the CPUs of each LLC, including those that are not usable. */
  splitByLlc(): ReadonlyArray<CpuSet> {
    return this.llcs.map((llc) => llc.cpus)
  }

  /** Returns partition `index` of `parts` of the usable CPUs: contiguous, with sizes that differ by at most one. */
  partition(index: number, parts: number): CpuSet {
    const { start, end } = partitionBounds(this.usableCpus.size, index, parts)
    return this.usableCpus.slice(start, end)
  }

  /** Returns a partition extended into each neighbour by `frac` of its own size, rounded up. */
  overlappingPartition(index: number, parts: number, frac: number): CpuSet {
    const { start, end } = partitionBounds(this.usableCpus.size, index, parts)
    const reach = Math.ceil((end - start) * frac - rounding)
    return this.usableCpus.slice(Math.max(0, start - reach), end + reach)
  }

  /** Returns `n` sets of usable CPUs, each extended into its neighbours by `frac` of its size. */
  overlapping(n: number, frac: number): ReadonlyArray<CpuSet> {
    return Array.from({ length: n }, (_, index) => this.overlappingPartition(index, n, frac))
  }

  /** Returns the usable CPUs between two fractions; adjacent ranges neither overlap nor leave a CPU out. */
  range(startFrac: number, endFrac: number): CpuSet {
    const count = this.usableCpus.size
    return this.usableCpus.slice(Math.floor(count * startFrac + rounding), Math.floor(count * endFrac + rounding))
  }
}

/** Corrects rounding errors of binary fractions: 0.29 of 100 CPUs is 28.999999999999996. */
const rounding = 1e-9

const partitionBounds = (
  count: number,
  index: number,
  parts: number
): { readonly start: number; readonly end: number } => ({
  start: Math.floor((index * count) / parts),
  end: Math.floor(((index + 1) * count) / parts)
})

const groupBy = <A, K>(items: ReadonlyArray<A>, key: (item: A) => K): Map<K, Array<A>> => {
  const groups = new Map<K, Array<A>>()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group === undefined) groups.set(key(item), [item])
    else group.push(item)
  }
  return groups
}
