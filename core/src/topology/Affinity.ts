/**
 * The CPUs that a worker may use within its cgroup, specified independently of the machine.
 *
 * @since 0.1.0
 */
import { Data, Either } from "effect"
import type { PCGRandom } from "effect/Utils"
import { CpuSet } from "./CpuSet.ts"
import type { TestTopology } from "./TestTopology.ts"

/**
 * An affinity. `Inherit`: all CPUs that the cgroup allows. `RandomSubset`: a number of the cgroup's CPUs, chosen for each worker by the seed.
 * `LlcAligned`: each worker gets the cgroup's CPUs in one LLC, in turn. `CrossCgroup`: all CPUs, so that only the cpuset limits the worker.
 * `SingleCpu`: each worker gets one of the cgroup's CPUs, in turn. `Exact`: these CPUs.
 *
 * @since 0.1.0
 * @category models
 */
export type AffinityKind = Data.TaggedEnum<{
  Inherit: {}
  RandomSubset: { readonly count: number }
  LlcAligned: {}
  CrossCgroup: {}
  SingleCpu: {}
  Exact: { readonly cpus: CpuSet }
}>

const make = Data.taggedEnum<AffinityKind>()

/**
 * What an affinity is resolved against.
 *
 * @since 0.1.0
 * @category models
 */
export interface AffinityContext {
  readonly topology: TestTopology
  /** The CPUs that the cgroup allows. */
  readonly allowed: CpuSet
  readonly random: PCGRandom
}

/**
 * Constructors of affinities, and the function that resolves them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const Affinity: {
  readonly Inherit: AffinityKind
  readonly LlcAligned: AffinityKind
  readonly CrossCgroup: AffinityKind
  readonly SingleCpu: AffinityKind
  readonly RandomSubset: (count: number) => AffinityKind
  readonly Exact: (cpus: CpuSet | Iterable<number>) => AffinityKind
  /** Returns one mask per worker, undefined if the worker inherits its CPUs; Left: what is wrong. */
  readonly resolve: (
    kind: AffinityKind,
    workers: number,
    context: AffinityContext
  ) => Either.Either<ReadonlyArray<CpuSet | undefined>, string>
} = {
  Inherit: make.Inherit(),
  LlcAligned: make.LlcAligned(),
  CrossCgroup: make.CrossCgroup(),
  SingleCpu: make.SingleCpu(),
  RandomSubset: (count) => make.RandomSubset({ count }),
  Exact: (cpus) => make.Exact({ cpus: cpus instanceof CpuSet ? cpus : CpuSet.from(cpus) }),
  resolve: (kind, workers, { allowed, random, topology }) => {
    const each = (mask: (worker: number) => CpuSet | undefined) =>
      Either.right(Array.from({ length: workers }, (_, worker) => mask(worker)))
    switch (kind._tag) {
      case "Inherit":
        return each(() => undefined)
      case "CrossCgroup":
        return each(() => topology.allCpus)
      case "SingleCpu":
        return each((worker) => CpuSet.of(allowed.cpus[worker % allowed.size]!))
      case "LlcAligned": {
        const llcs = topology.splitByLlc().map((llc) => llc.intersect(allowed))
        const reachable = llcs.filter((llc) => !llc.isEmpty)
        return each((worker) => reachable[worker % reachable.length])
      }
      case "RandomSubset": {
        const { count } = kind
        if (!Number.isInteger(count) || count < 1 || count > allowed.size) {
          const range = `from 1 to the ${allowed.size} CPUs of the cgroup (${allowed})`
          return Either.left(`affinity RandomSubset(${count}): the count must be a whole number ${range}`)
        }
        return each(() => pick(allowed, count, random))
      }
      case "Exact": {
        if (kind.cpus.isEmpty) return Either.left("affinity Exact: it names no CPU")
        const missing = kind.cpus.difference(topology.allCpus)
        if (!missing.isEmpty) {
          return Either.left(
            `affinity Exact(${kind.cpus}): CPUs ${missing} are not in the topology (${topology.allCpus})`
          )
        }
        // sched_setaffinity(2) rejects a mask without a CPU of the cpuset.
        return kind.cpus.intersect(allowed).isEmpty
          ? Either.left(`affinity Exact(${kind.cpus}): none of these CPUs is in the cgroup's cpuset ${allowed}`)
          : each(() => kind.cpus)
      }
    }
  }
}

/** Picks `count` random CPUs: the beginning of a Fisher-Yates shuffle. */
const pick = (from: CpuSet, count: number, random: PCGRandom): CpuSet => {
  const cpus = [...from.cpus]
  for (let i = 0; i < count; i++) {
    const j = i + random.integer(cpus.length - i)
    const swapped = cpus[i]!
    cpus[i] = cpus[j]!
    cpus[j] = swapped
  }
  return CpuSet.from(cpus.slice(0, count))
}
