/**
 * An immutable set of CPU numbers, and its text form, the kernel's cpulist (`0-3,5,7-9`).
 *
 * @since 0.1.0
 */
import { Data, Either, Equal, Hash } from "effect"

/**
 * A text is not a cpulist; `token` is the part that is wrong.
 *
 * @since 0.1.0
 * @category errors
 */
export class CpuListError extends Data.TaggedError("CpuListError")<{
  readonly text: string
  readonly token: string
  readonly message: string
}> {}

/** The kernel's upper limit of CONFIG_NR_CPUS on x86_64 (arch/x86/Kconfig, NR_CPUS_RANGE_END). */
const cpuLimit = 8192

/**
 * A set of CPU numbers, iterated in ascending order. Two sets with the same CPUs are `Equal`.
 *
 * @since 0.1.0
 * @category models
 */
export class CpuSet implements Equal.Equal, Iterable<number> {
  /** The CPUs in ascending order. */
  readonly cpus: ReadonlyArray<number>

  private constructor(ascending: ReadonlyArray<number>) {
    this.cpus = Object.freeze([...ascending])
  }

  /** The empty set. */
  static readonly empty: CpuSet = new CpuSet([])

  /** Makes a set from CPUs in any order, with or without repetitions. Throws `RangeError` for an invalid CPU number. */
  static from(cpus: Iterable<number>): CpuSet {
    const sorted = [...new Set(cpus)].sort((a, b) => a - b)
    for (const cpu of sorted) {
      if (!Number.isInteger(cpu) || cpu < 0 || cpu >= cpuLimit) {
        throw new RangeError(`CPU ${cpu} is no CPU number: it must be a whole number from 0 to ${cpuLimit - 1}`)
      }
    }
    return new CpuSet(sorted)
  }

  /** Makes a set from its arguments. Throws `RangeError` for an invalid CPU number. */
  static of(...cpus: ReadonlyArray<number>): CpuSet {
    return CpuSet.from(cpus)
  }

  /** Makes a set of `count` CPUs starting with `first`. */
  static range(first: number, count: number): CpuSet {
    return CpuSet.from(Array.from({ length: count }, (_, i) => first + i))
  }

  /** Parses a cpulist. Anything but numbers and ascending ranges separated by commas is an error that names the token. */
  static parse(text: string): Either.Either<CpuSet, CpuListError> {
    const trimmed = text.trim()
    if (trimmed === "") return Either.right(CpuSet.empty)
    const cpus: Array<number> = []
    for (const raw of trimmed.split(",")) {
      const token = raw.trim()
      const range = parseToken(token)
      if (typeof range === "string") {
        const message = `cpulist '${trimmed}': ${range}; write CPU numbers and ranges, for example 0-3,5,7-9`
        return Either.left(new CpuListError({ text: trimmed, token, message }))
      }
      for (let cpu = range.first; cpu <= range.last; cpu++) cpus.push(cpu)
    }
    return Either.right(CpuSet.from(cpus))
  }

  /** Parses the valid parts of a cpulist and ignores the rest. */
  static parseLenient(text: string): CpuSet {
    const cpus: Array<number> = []
    for (const token of text.split(/[\s,]+/)) {
      const range = parseToken(token)
      if (typeof range === "string") continue
      for (let cpu = range.first; cpu <= range.last; cpu++) cpus.push(cpu)
    }
    return CpuSet.from(cpus)
  }

  /** Returns every CPU that is in at least one of the sets. */
  static unionAll(sets: Iterable<CpuSet>): CpuSet {
    const cpus: Array<number> = []
    for (const set of sets) cpus.push(...set.cpus)
    return CpuSet.from(cpus)
  }

  get size(): number {
    return this.cpus.length
  }

  get isEmpty(): boolean {
    return this.cpus.length === 0
  }

  has(cpu: number): boolean {
    return this.cpus.includes(cpu)
  }

  union(that: CpuSet): CpuSet {
    return CpuSet.from([...this.cpus, ...that.cpus])
  }

  intersect(that: CpuSet): CpuSet {
    const other = new Set(that.cpus)
    return new CpuSet(this.cpus.filter((cpu) => other.has(cpu)))
  }

  difference(that: CpuSet): CpuSet {
    const other = new Set(that.cpus)
    return new CpuSet(this.cpus.filter((cpu) => !other.has(cpu)))
  }

  isSubsetOf(that: CpuSet): boolean {
    return this.difference(that).isEmpty
  }

  /** Returns the CPUs at positions `start` to `end` (exclusive) in ascending order. */
  slice(start: number, end: number): CpuSet {
    return new CpuSet(this.cpus.slice(start, end))
  }

  /** Returns the cpulist, e.g. `0-3,5`; two neighbours are written `0-1`, as in the kernel. */
  toString(): string {
    const parts: Array<string> = []
    for (let i = 0; i < this.cpus.length; ) {
      const first = this.cpus[i]!
      let last = first
      while (this.cpus[i + 1] === last + 1) {
        last++
        i++
      }
      i++
      parts.push(first === last ? `${first}` : `${first}-${last}`)
    }
    return parts.join(",")
  }

  toJSON(): string {
    return this.toString()
  }

  [Symbol.iterator](): Iterator<number> {
    return this.cpus[Symbol.iterator]()
  }

  [Equal.symbol](that: unknown): boolean {
    return (
      that instanceof CpuSet &&
      that.cpus.length === this.cpus.length &&
      that.cpus.every((cpu, i) => cpu === this.cpus[i])
    )
  }

  [Hash.symbol](): number {
    return Hash.array([...this.cpus])
  }
}

const parseToken = (token: string): { readonly first: number; readonly last: number } | string => {
  const match = /^(\d+)(?:-(\d+))?$/.exec(token)
  if (match === null) return token === "" ? "an empty item" : `'${token}' is no CPU number or range`
  const first = Number(match[1])
  const last = match[2] === undefined ? first : Number(match[2])
  if (last < first) return `range '${token}' ends before it starts`
  if (last >= cpuLimit) return `'${token}' is beyond the highest CPU number, ${cpuLimit - 1}`
  return { first, last }
}
