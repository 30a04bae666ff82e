/**
 * The CPUs of a cgroup, specified independently of the machine.
 *
 * @since 0.1.0
 */
import { Data, Either } from "effect"
import { CpuSet } from "./CpuSet.ts"
import type { TestTopology } from "./TestTopology.ts"

/**
 * A cpuset. Fractions and partitions refer to the usable CPUs; LLCs and nodes include all their CPUs.
 *
 * @since 0.1.0
 * @category models
 */
export type CpusetSpec = Data.TaggedEnum<{
  /** All CPUs of the LLC with this number. */
  Llc: { readonly index: number }
  /** All CPUs of a NUMA node. */
  Numa: { readonly node: number }
  /** The usable CPUs between two fractions, 0 to 1. */
  Range: { readonly startFrac: number; readonly endFrac: number }
  /** One of `of` equal parts of the usable CPUs. */
  Disjoint: { readonly index: number; readonly of: number }
  /** The same, extended into both neighbours by `frac` of the part's size. */
  Overlap: { readonly index: number; readonly of: number; readonly frac: number }
  /** Exactly these CPUs. */
  Exact: { readonly cpus: CpuSet }
}>

/**
 * A spec has no valid cpuset on this machine.
 *
 * @since 0.1.0
 * @category errors
 */
export class CpusetSpecError extends Data.TaggedError("CpusetSpecError")<{
  /** The cgroup of the spec; undefined if the spec was validated without one. */
  readonly cgroup: string | undefined
  readonly message: string
}> {}

const make = Data.taggedEnum<CpusetSpec>()

const isFraction = (value: number): boolean => value >= 0 && value <= 1

const partitionProblem = (index: number, parts: number, topology: TestTopology): string | undefined => {
  if (!Number.isInteger(parts) || parts < 1) return `partition count must be a whole number of at least 1, got ${parts}`
  if (!Number.isInteger(index) || index < 0) return `index must be a whole number of at least 0, got ${index}`
  if (index >= parts) return `index ${index} >= partition count ${parts}`
  const usable = topology.usableCpus.size
  return usable < parts ? `not enough usable CPUs (${usable}) for ${parts} partitions` : undefined
}

/** Returns what is wrong, in the words of the message; undefined if nothing is. */
const problem = (spec: CpusetSpec, topology: TestTopology): string | undefined => {
  switch (spec._tag) {
    case "Llc": {
      const count = topology.llcs.length
      if (!Number.isInteger(spec.index) || spec.index < 0) return `LLC index must be a whole number, got ${spec.index}`
      return spec.index >= count ? `LLC index ${spec.index} >= LLC count ${count}` : undefined
    }
    case "Numa": {
      const known = topology.nodes.map((node) => node.index)
      if (!known.includes(spec.node)) return `NUMA node ${spec.node} is not in the topology (nodes ${known.join(",")})`
      return topology.isMemoryOnly(spec.node) ? `NUMA node ${spec.node} has memory only, no CPUs` : undefined
    }
    case "Range": {
      const fracs = `start_frac=${spec.startFrac}, end_frac=${spec.endFrac}`
      if (!Number.isFinite(spec.startFrac) || !Number.isFinite(spec.endFrac))
        return `Range fracs must be finite: ${fracs}`
      if (!isFraction(spec.startFrac) || !isFraction(spec.endFrac))
        return `Range fracs must lie in [0.0, 1.0]: ${fracs}`
      if (spec.startFrac >= spec.endFrac) return `Range start_frac must be < end_frac: ${fracs}`
      // An empty cpuset.cpus would mean "inherit", the opposite of the request.
      return topology.range(spec.startFrac, spec.endFrac).isEmpty
        ? `Range holds no CPU of the ${topology.usableCpus.size} usable CPUs: ${fracs}`
        : undefined
    }
    case "Disjoint":
      return partitionProblem(spec.index, spec.of, topology)
    case "Overlap": {
      if (!Number.isFinite(spec.frac)) return `Overlap frac must be finite: frac=${spec.frac}`
      if (!isFraction(spec.frac)) return `Overlap frac must lie in [0.0, 1.0]: frac=${spec.frac}`
      return partitionProblem(spec.index, spec.of, topology)
    }
    case "Exact": {
      if (spec.cpus.isEmpty) return "Exact cpuset is empty"
      const missing = spec.cpus.difference(topology.allCpus)
      return missing.isEmpty
        ? undefined
        : `Exact cpuset ${spec.cpus} names CPUs that are not in the topology: ${missing} (there are ${topology.allCpus})`
    }
  }
}

const resolveValid = (spec: CpusetSpec, topology: TestTopology): CpuSet => {
  switch (spec._tag) {
    case "Llc":
      return topology.cpusInLlc(spec.index)
    case "Numa":
      return topology.numaCpus(spec.node)
    case "Range":
      return topology.range(spec.startFrac, spec.endFrac)
    case "Disjoint":
      return topology.partition(spec.index, spec.of)
    case "Overlap":
      return topology.overlappingPartition(spec.index, spec.of, spec.frac)
    case "Exact":
      return spec.cpus
  }
}

/**
 * Constructors of specs, and the functions that resolve them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const CpusetSpec: {
  readonly Llc: (index: number) => CpusetSpec
  readonly Numa: (node: number) => CpusetSpec
  readonly Range: (startFrac: number, endFrac: number) => CpusetSpec
  readonly Disjoint: (index: number, parts: number) => CpusetSpec
  readonly Overlap: (index: number, parts: number, frac: number) => CpusetSpec
  readonly Exact: (cpus: CpuSet | Iterable<number>) => CpusetSpec
  /** Checks that the spec has a cpuset on this machine; the error names `cgroup`. */
  readonly validate: (spec: CpusetSpec, topology: TestTopology, cgroup?: string) => Either.Either<void, CpusetSpecError>
  /** Returns the CPUs of the spec, which are never empty. */
  readonly resolve: (
    spec: CpusetSpec,
    topology: TestTopology,
    cgroup?: string
  ) => Either.Either<CpuSet, CpusetSpecError>
} = {
  Llc: (index) => make.Llc({ index }),
  Numa: (node) => make.Numa({ node }),
  Range: (startFrac, endFrac) => make.Range({ startFrac, endFrac }),
  Disjoint: (index, parts) => make.Disjoint({ index, of: parts }),
  Overlap: (index, parts, frac) => make.Overlap({ index, of: parts, frac }),
  Exact: (cpus) => make.Exact({ cpus: cpus instanceof CpuSet ? cpus : CpuSet.from(cpus) }),
  validate: (spec, topology, cgroup) => Either.map(CpusetSpec.resolve(spec, topology, cgroup), () => undefined),
  resolve: (spec, topology, cgroup) => {
    const wrong = problem(spec, topology)
    if (wrong === undefined) return Either.right(resolveValid(spec, topology))
    const prefix = cgroup === undefined ? "" : `cgroup '${cgroup}': `
    const message = `${prefix}CpusetSpec validation failed: ${wrong}`
    return Either.left(new CpusetSpecError({ cgroup, message }))
  }
}
