/**
 * The CPU topology with which a machine is booted: NUMA nodes, last-level caches, cores and threads.
 *
 * @since 0.1.0
 */
import { Data, Either } from "effect"
import { CpuSet } from "./CpuSet.ts"

/**
 * A topology is invalid; the message says what is wrong and how to fix it.
 *
 * @since 0.1.0
 * @category errors
 */
export class TopologyError extends Data.TaggedError("TopologyError")<{
  /** The user's text, or the text form of the options. */
  readonly text: string
  readonly message: string
}> {}

/**
 * One node of a non-uniform topology. A node with 0 LLCs has only memory, like a CXL expander.
 *
 * @since 0.1.0
 * @category models
 */
export interface NumaNodeSpec {
  readonly llcs: number
  /** MiB; unset: an equal share of the remaining memory. */
  readonly memoryMb?: number | undefined
  /** Access latency from its own or nearest CPUs, in nanoseconds (ACPI HMAT). */
  readonly latencyNs?: number | undefined
  /** Bandwidth, MiB/s (ACPI HMAT). */
  readonly bandwidthMbps?: number | undefined
}

/**
 * A node of a topology, with its position in the numbering of LLCs.
 *
 * @since 0.1.0
 * @category models
 */
export interface NumaNode extends NumaNodeSpec {
  readonly index: number
  /** Number of its first LLC (meaningless if it has none). */
  readonly firstLlc: number
}

/**
 * The position of a CPU.
 *
 * @since 0.1.0
 * @category models
 */
export interface CpuPlace {
  readonly cpu: number
  readonly node: number
  readonly llc: number
  /** Core within its LLC. */
  readonly core: number
  /** Thread within its core. */
  readonly thread: number
}

/**
 * The numbers of a topology whose nodes are all alike.
 *
 * @since 0.1.0
 * @category models
 */
export interface UniformTopologyOptions {
  readonly numaNodes: number
  /** LLCs in total, over all nodes. */
  readonly llcs: number
  readonly coresPerLlc: number
  readonly threadsPerCore: number
  /** NUMA distances, row by row; unset: 10 within a node, 20 between nodes. */
  readonly distances?: ReadonlyArray<ReadonlyArray<number>> | undefined
}

/**
 * The nodes of a topology whose nodes differ.
 *
 * @since 0.1.0
 * @category models
 */
export interface NodeTopologyOptions {
  readonly nodes: ReadonlyArray<NumaNodeSpec>
  readonly coresPerLlc: number
  readonly threadsPerCore: number
  readonly distances?: ReadonlyArray<ReadonlyArray<number>> | undefined
}

/** The kernel's upper limit of CONFIG_NR_CPUS on x86_64 (arch/x86/Kconfig, NR_CPUS_RANGE_END). */
const maxCpus = 8192
/** CONFIG_NODES_SHIFT is at most 10 (arch/x86/Kconfig). */
const maxNodes = 1024
/** ACPI 6.5, 5.2.17: SLIT entries are bytes; 10 is local, 255 unreachable. */
const localDistance = 10
const defaultRemoteDistance = 20
const maxDistance = 254

const syntax = "write NnNlNcNt, for example 1n2l4c2t, or N,L,C,T, for example 1,2,4,2"

/**
 * An immutable, valid topology. CPUs are numbered by thread first, then core, then LLC; LLCs are numbered in the order of their nodes.
 *
 * @since 0.1.0
 * @category models
 */
export class Topology {
  readonly nodes: ReadonlyArray<NumaNode>
  /** LLCs in total. */
  readonly llcs: number
  readonly coresPerLlc: number
  readonly threadsPerCore: number
  /** Square matrix with one row per node; the diagonal is 10. */
  readonly distances: ReadonlyArray<ReadonlyArray<number>>

  private constructor(
    nodes: ReadonlyArray<NumaNodeSpec>,
    coresPerLlc: number,
    threadsPerCore: number,
    distances: ReadonlyArray<ReadonlyArray<number>>
  ) {
    let firstLlc = 0
    this.nodes = nodes.map((node, index) => {
      const placed = { ...node, index, firstLlc }
      firstLlc += node.llcs
      return placed
    })
    this.llcs = firstLlc
    this.coresPerLlc = coresPerLlc
    this.threadsPerCore = threadsPerCore
    this.distances = distances
  }

  /** Makes a topology from four numbers, or from a list of nodes if they differ. */
  static make(options: UniformTopologyOptions | NodeTopologyOptions): Either.Either<Topology, TopologyError> {
    return "nodes" in options ? makeFromNodes(options) : makeUniform(options, uniformText(options))
  }

  /** Like {@link Topology.make}, for constants: throws the `TopologyError`. */
  static unsafeMake(options: UniformTopologyOptions | NodeTopologyOptions): Topology {
    return Either.getOrThrowWith(Topology.make(options), (error) => error)
  }

  /**
   * Parses `1n2l4c2t` or `1,2,4,2`. If nodes differ, the number of LLCs of each node follows in brackets: `2n3l4c1t[2+1]`, or `2n1l4c1t[1+0]` if a
   * node has only memory.
   */
  static parse(text: string): Either.Either<Topology, TopologyError> {
    const whole = text.trim()
    const listed = /^(.*)\[([\d+ ]*)\]$/.exec(whole)
    return Either.flatMap(parseNumbers(whole, listed?.[1]?.trim() ?? whole), (options) =>
      listed === null ? makeUniform(options, whole) : makeListed(options, listed[2] ?? "", whole)
    )
  }

  /**
   * Makes a topology from checked values.
   *
   * @internal
   */
  static trusted(
    nodes: ReadonlyArray<NumaNodeSpec>,
    coresPerLlc: number,
    threadsPerCore: number,
    distances: ReadonlyArray<ReadonlyArray<number>>
  ): Topology {
    return new Topology(nodes, coresPerLlc, threadsPerCore, distances)
  }

  get numaNodes(): number {
    return this.nodes.length
  }

  get cpusPerLlc(): number {
    return this.coresPerLlc * this.threadsPerCore
  }

  /** CPUs in total. */
  get cpus(): number {
    return this.llcs * this.cpusPerLlc
  }

  /** Whether every node has the same number of LLCs and sets neither memory nor latency nor bandwidth. */
  get isUniform(): boolean {
    const first = this.nodes[0]!.llcs
    return this.nodes.every(
      (n) => n.llcs === first && n.memoryMb === undefined && n.latencyNs === undefined && n.bandwidthMbps === undefined
    )
  }

  get allCpus(): CpuSet {
    return CpuSet.range(0, this.cpus)
  }

  cpusInLlc(llc: number): CpuSet {
    return llc < 0 || llc >= this.llcs ? CpuSet.empty : CpuSet.range(llc * this.cpusPerLlc, this.cpusPerLlc)
  }

  cpusInNode(node: number): CpuSet {
    const found = this.nodes[node]
    return found === undefined
      ? CpuSet.empty
      : CpuSet.range(found.firstLlc * this.cpusPerLlc, found.llcs * this.cpusPerLlc)
  }

  /** Returns the node of an LLC; throws `RangeError` if there is no such LLC. */
  nodeOfLlc(llc: number): number {
    const node = this.nodes.find((n) => llc >= n.firstLlc && llc < n.firstLlc + n.llcs)
    if (node === undefined) throw new RangeError(`LLC ${llc} is not in topology ${this}, which has ${this.llcs}`)
    return node.index
  }

  /** Returns the position of a CPU; throws `RangeError` if there is no such CPU. */
  place(cpu: number): CpuPlace {
    if (!Number.isInteger(cpu) || cpu < 0 || cpu >= this.cpus) {
      throw new RangeError(`CPU ${cpu} is not in topology ${this}, which has ${this.cpus}`)
    }
    const llc = Math.floor(cpu / this.cpusPerLlc)
    const within = cpu % this.cpusPerLlc
    return {
      cpu,
      node: this.nodeOfLlc(llc),
      llc,
      core: Math.floor(within / this.threadsPerCore),
      thread: within % this.threadsPerCore
    }
  }

  /** Returns the form that {@link Topology.parse} reads; memory, latencies and distances of nodes have no text form. */
  toString(): string {
    const text = `${this.numaNodes}n${this.llcs}l${this.coresPerLlc}c${this.threadsPerCore}t`
    const even = this.nodes.every((n) => n.llcs === this.nodes[0]!.llcs)
    return even ? text : `${text}[${this.nodes.map((n) => n.llcs).join("+")}]`
  }

  toJSON(): string {
    return this.toString()
  }
}

const uniformText = (o: UniformTopologyOptions): string =>
  `${o.numaNodes}n${o.llcs}l${o.coresPerLlc}c${o.threadsPerCore}t`

const fail = (text: string, what: string): Either.Either<never, TopologyError> =>
  Either.left(new TopologyError({ text, message: `topology '${text}': ${what}` }))

const fieldNames = {
  n: "NUMA nodes (n)",
  l: "LLCs (l)",
  c: "cores per LLC (c)",
  t: "threads per core (t)"
} as const

/** Parses the numbers. `shape` is `text` without the list of nodes. */
const parseNumbers = (text: string, shape: string): Either.Either<UniformTopologyOptions, TopologyError> => {
  if (shape === "") return fail(text, `it is empty; ${syntax}`)
  if (shape.includes(",")) {
    const parts = shape.split(",").map((part) => part.trim())
    if (parts.length !== 4) return fail(text, `it has ${parts.length} fields, not 4; ${syntax}`)
    const bad = parts.find((part) => !/^\d+$/.test(part))
    if (bad !== undefined) return fail(text, `'${bad}' is not a whole number; ${syntax}`)
    const [numaNodes, llcs, coresPerLlc, threadsPerCore] = parts.map(Number) as [number, number, number, number]
    return Either.right({ numaNodes, llcs, coresPerLlc, threadsPerCore })
  }
  const full = /^(\d+)n(\d+)l(\d+)c(\d+)t$/i.exec(shape)
  if (full !== null) {
    const [numaNodes, llcs, coresPerLlc, threadsPerCore] = full.slice(1).map(Number) as [number, number, number, number]
    return Either.right({ numaNodes, llcs, coresPerLlc, threadsPerCore })
  }
  const partial = /^(?:\d+n)?(?:\d+l)?(?:\d+c)?(?:\d+t)?$/i.test(shape)
  if (!partial) return fail(text, `it is not a topology; ${syntax}`)
  const missing = (["n", "l", "c", "t"] as const).filter((unit) => !shape.toLowerCase().includes(unit))
  const names = missing.map((unit) => fieldNames[unit])
  const list = names.length === 1 ? names[0] : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`
  return fail(text, `${list} ${names.length === 1 ? "is" : "are"} missing; ${syntax}`)
}

const makeUniform = (o: UniformTopologyOptions, text: string): Either.Either<Topology, TopologyError> => {
  for (const field of ["numaNodes", "llcs", "coresPerLlc", "threadsPerCore"] as const) {
    const value = o[field]
    if (!Number.isInteger(value) || value < 1) {
      return fail(text, `${field} is ${value}; every field must be a whole number of at least 1`)
    }
  }
  if (o.numaNodes > maxNodes) return fail(text, `${o.numaNodes} NUMA nodes; at most ${maxNodes} are possible`)
  if (o.llcs % o.numaNodes !== 0) {
    const does = o.llcs === 1 ? "LLC does" : "LLCs do"
    return fail(
      text,
      `${o.llcs} ${does} not divide over ${o.numaNodes} NUMA nodes; llcs must be a multiple of numaNodes`
    )
  }
  const cpus = o.llcs * o.coresPerLlc * o.threadsPerCore
  if (cpus > maxCpus) return fail(text, `it has ${cpus} CPUs; at most ${maxCpus} are possible`)
  const nodes = Array.from({ length: o.numaNodes }, () => ({ llcs: o.llcs / o.numaNodes }))
  return Either.map(checkDistances(text, o.numaNodes, o.distances), (distances) =>
    Topology.trusted(nodes, o.coresPerLlc, o.threadsPerCore, distances)
  )
}

/** Makes a topology from a list of the nodes' LLCs, which must agree with the numbers before it. */
const makeListed = (o: UniformTopologyOptions, list: string, text: string): Either.Either<Topology, TopologyError> => {
  const counts = list.split("+").map((part) => part.trim())
  const bad = counts.find((part) => !/^\d+$/.test(part))
  if (bad !== undefined) return fail(text, `'${bad}' in its list of LLCs is not a whole number; write it as [2+1+0]`)
  const nodes = counts.map((count) => ({ llcs: Number(count) }))
  const sum = nodes.reduce((all, node) => all + node.llcs, 0)
  return nodes.length === o.numaNodes && sum === o.llcs
    ? makeFromNodes({ nodes, coresPerLlc: o.coresPerLlc, threadsPerCore: o.threadsPerCore })
    : fail(text, `its list comes to ${nodes.length}n${sum}l, not ${o.numaNodes}n${o.llcs}l; make the numbers agree`)
}

const makeFromNodes = (o: NodeTopologyOptions): Either.Either<Topology, TopologyError> => {
  const llcs = o.nodes.reduce((sum, node) => sum + node.llcs, 0)
  const text = `${o.nodes.length}n${llcs}l${o.coresPerLlc}c${o.threadsPerCore}t[${o.nodes.map((n) => n.llcs).join("+")}]`
  if (o.nodes.length === 0) return fail(text, "the list of NUMA nodes is empty; give at least one")
  if (o.nodes.length > maxNodes) return fail(text, `${o.nodes.length} NUMA nodes; at most ${maxNodes} are possible`)
  for (const field of ["coresPerLlc", "threadsPerCore"] as const) {
    if (!Number.isInteger(o[field]) || o[field] < 1) {
      return fail(text, `${field} is ${o[field]}; every field must be a whole number of at least 1`)
    }
  }
  for (const [index, node] of o.nodes.entries()) {
    if (!Number.isInteger(node.llcs) || node.llcs < 0) {
      return fail(text, `node ${index} has ${node.llcs} LLCs; it must be a whole number (0: memory only)`)
    }
    if (node.memoryMb !== undefined && !(Number.isInteger(node.memoryMb) && node.memoryMb >= 1)) {
      return fail(text, `node ${index} has ${node.memoryMb} MiB of memory; it must be a whole number of at least 1`)
    }
    for (const field of ["latencyNs", "bandwidthMbps"] as const) {
      const value = node[field]
      if (value !== undefined && !(Number.isInteger(value) && value >= 1)) {
        return fail(text, `${field} of node ${index} is ${value}; it must be a whole number of at least 1`)
      }
    }
  }
  if (llcs === 0) return fail(text, "no NUMA node has an LLC; at least one needs CPUs")
  const cpus = llcs * o.coresPerLlc * o.threadsPerCore
  if (cpus > maxCpus) return fail(text, `it has ${cpus} CPUs; at most ${maxCpus} are possible`)
  return Either.map(checkDistances(text, o.nodes.length, o.distances), (distances) =>
    Topology.trusted(o.nodes, o.coresPerLlc, o.threadsPerCore, distances)
  )
}

const checkDistances = (
  text: string,
  count: number,
  distances: ReadonlyArray<ReadonlyArray<number>> | undefined
): Either.Either<ReadonlyArray<ReadonlyArray<number>>, TopologyError> => {
  const indices = Array.from({ length: count }, (_, i) => i)
  if (distances === undefined) {
    return Either.right(indices.map((a) => indices.map((b) => (a === b ? localDistance : defaultRemoteDistance))))
  }
  if (distances.length !== count || distances.some((row) => row.length !== count)) {
    const rows = distances.map((row) => row.length).join(", ")
    return fail(text, `the distances have rows of ${rows} entries; they must be ${count} rows of ${count}`)
  }
  for (const a of indices) {
    for (const b of indices) {
      const value = distances[a]![b]!
      if (a === b) {
        if (value !== localDistance)
          return fail(text, `distance ${a},${a} is ${value}; a node is ${localDistance} from itself`)
        continue
      }
      if (!Number.isInteger(value) || value <= localDistance || value > maxDistance) {
        const range = `${localDistance + 1} to ${maxDistance}`
        return fail(text, `distance ${a},${b} is ${value}; between two nodes it must be a whole number from ${range}`)
      }
      if (value !== distances[b]![a]) {
        return fail(
          text,
          `distance ${a},${b} is ${value} but ${b},${a} is ${distances[b]![a]}; distances must be symmetric`
        )
      }
    }
  }
  return Either.right(distances.map((row) => [...row]))
}
