/**
 * NUMA memory policies of workers (set_mempolicy(2)).
 *
 * @since 0.1.0
 */
import { Data } from "effect"
import type { CpuSet } from "./CpuSet.ts"
import type { TestTopology } from "./TestTopology.ts"

/**
 * A memory policy, with the NUMA nodes it names.
 *
 * @since 0.1.0
 * @category models
 */
export type MemPolicy = Data.TaggedEnum<{
  Default: {}
  Preferred: { readonly nodes: ReadonlyArray<number> }
  Bind: { readonly nodes: ReadonlyArray<number> }
  Interleave: { readonly nodes: ReadonlyArray<number> }
  Local: {}
  PreferredMany: { readonly nodes: ReadonlyArray<number> }
  WeightedInterleave: { readonly nodes: ReadonlyArray<number> }
}>

/** include/uapi/linux/mempolicy.h, the MPOL_* enumeration. */
const numbers = {
  Default: 0,
  Preferred: 1,
  Bind: 2,
  Interleave: 3,
  Local: 4,
  PreferredMany: 5,
  WeightedInterleave: 6
} as const

/**
 * Mode flags; combine with `|`. STATIC_NODES and RELATIVE_NODES exclude each other, and NUMA_BALANCING requires Bind or PreferredMany
 * (include/uapi/linux/mempolicy.h).
 *
 * @since 0.1.0
 * @category models
 */
export const MpolFlags = { STATIC_NODES: 1 << 15, RELATIVE_NODES: 1 << 14, NUMA_BALANCING: 1 << 13 } as const

const make = Data.taggedEnum<MemPolicy>()

/**
 * Constructors of policies, and functions on them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const MemPolicy: {
  readonly Default: MemPolicy
  readonly Local: MemPolicy
  readonly Bind: (...nodes: ReadonlyArray<number>) => MemPolicy
  readonly Preferred: (node: number) => MemPolicy
  readonly Interleave: (...nodes: ReadonlyArray<number>) => MemPolicy
  readonly PreferredMany: (...nodes: ReadonlyArray<number>) => MemPolicy
  readonly WeightedInterleave: (...nodes: ReadonlyArray<number>) => MemPolicy
  /** Returns the kernel's number of the mode. */
  readonly number: (policy: MemPolicy) => number
  /** Returns the nodes that the policy names, ascending. */
  readonly nodes: (policy: MemPolicy) => ReadonlyArray<number>
  /** Returns what is wrong with the policy in a cgroup with these CPUs (undefined: no cpuset of its own); undefined if nothing is. */
  readonly problem: (
    policy: MemPolicy,
    flags: number,
    topology: TestTopology,
    cpuset: CpuSet | undefined
  ) => string | undefined
} = {
  Default: make.Default(),
  Local: make.Local(),
  Bind: (...nodes) => make.Bind({ nodes }),
  Preferred: (node) => make.Preferred({ nodes: [node] }),
  Interleave: (...nodes) => make.Interleave({ nodes }),
  PreferredMany: (...nodes) => make.PreferredMany({ nodes }),
  WeightedInterleave: (...nodes) => make.WeightedInterleave({ nodes }),
  number: (policy) => numbers[policy._tag],
  nodes: (policy) => ("nodes" in policy ? [...new Set(policy.nodes)].sort((a, b) => a - b) : []),
  problem: (policy, flags, topology, cpuset) => {
    const { STATIC_NODES, RELATIVE_NODES, NUMA_BALANCING } = MpolFlags
    if ((flags & ~(STATIC_NODES | RELATIVE_NODES | NUMA_BALANCING)) !== 0) {
      return `memory policy ${policy._tag}: flags 0x${flags.toString(16)} are not all known; use MpolFlags`
    }
    if ((flags & STATIC_NODES) !== 0 && (flags & RELATIVE_NODES) !== 0) {
      return `memory policy ${policy._tag}: STATIC_NODES and RELATIVE_NODES exclude each other`
    }
    if ((flags & NUMA_BALANCING) !== 0 && policy._tag !== "Bind" && policy._tag !== "PreferredMany") {
      return `memory policy ${policy._tag}: NUMA_BALANCING goes with Bind or PreferredMany only`
    }
    if (!("nodes" in policy)) return undefined
    const nodes = MemPolicy.nodes(policy)
    if (nodes.length === 0) return `memory policy ${policy._tag}: it names no NUMA node`
    const known = topology.nodes.map((node) => node.index)
    const unknown = nodes.filter((node) => !known.includes(node))
    if (unknown.length > 0) {
      return `memory policy ${policy._tag}: NUMA nodes ${unknown} are not in the topology (nodes ${known})`
    }
    if (cpuset === undefined) return undefined
    const covered = topology.nodesForCpuset(cpuset)
    const outside = nodes.filter((node) => !covered.includes(node))
    return outside.length === 0
      ? undefined
      : `memory policy ${policy._tag}: NUMA nodes ${outside} are not covered by cpuset ${cpuset} (nodes ${covered})`
  }
}
