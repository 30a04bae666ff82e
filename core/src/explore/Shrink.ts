/**
 * Shrinks a failing run to the smallest that fails for the same reason.
 *
 * @since 0.1.0
 */
import { Effect, Either } from "effect"
import { isScenarioProgram, type Scenario, type ScenarioSteps } from "../scenario/index.ts"
import { Topology } from "../topology/index.ts"

/**
 * The dimensions that can be shrunk.
 *
 * @since 0.1.0
 * @category models
 */
export interface ShrinkCase {
  readonly topology: Topology
  readonly workersPerCgroup: number
  readonly durationMs: number
  /** Indexes of the scenario's ops to leave out, ascending. */
  readonly without: ReadonlyArray<number>
}

/** Minimum duration in milliseconds; a shorter scenario ends before it has done most of its work. */
const minDurationMs = 100

const smallerTopologies = (topology: Topology): ReadonlyArray<Topology> => {
  const { coresPerLlc, llcs, numaNodes, threadsPerCore } = topology
  const shapes = [
    { numaNodes: 1, llcs: 1, coresPerLlc, threadsPerCore },
    { numaNodes: 1, llcs, coresPerLlc, threadsPerCore },
    { numaNodes: 1, llcs: Math.ceil(llcs / 2), coresPerLlc, threadsPerCore },
    { numaNodes: 1, llcs: numaNodes === 1 ? llcs : 1, coresPerLlc: Math.ceil(coresPerLlc / 2), threadsPerCore },
    { numaNodes, llcs, coresPerLlc, threadsPerCore: 1 }
  ]
  const smaller = shapes.flatMap((shape) => {
    const made = Topology.make(shape)
    if (Either.isLeft(made)) return []
    const { cpus } = made.right
    // With one CPU there is hardly any interleaving.
    const isSmaller = cpus < topology.cpus || (cpus === topology.cpus && made.right.numaNodes < topology.numaNodes)
    return cpus >= 2 && isSmaller ? [made.right] : []
  })
  return smaller.filter((one, index) => smaller.findIndex((other) => String(other) === String(one)) === index)
}

/**
 * Returns the next smaller cases, the largest reductions first. `ops` is the scenario's number of ops.
 *
 * @since 0.1.0
 * @category conversions
 */
export const smallerCases = (from: ShrinkCase, ops: number): ReadonlyArray<ShrinkCase> => {
  const { durationMs, without, workersPerCgroup } = from
  const half = Math.max(minDurationMs, Math.round(durationMs / 2))
  const workers = [...new Set([1, Math.floor(workersPerCgroup / 2), workersPerCgroup - 1])]
  const kept = Array.from({ length: ops }, (_, op) => op).filter((op) => !without.includes(op))
  return [
    ...smallerTopologies(from.topology).map((topology) => ({ ...from, topology })),
    ...workers.filter((n) => n >= 1 && n < workersPerCgroup).map((n) => ({ ...from, workersPerCgroup: n })),
    ...(half < durationMs ? [{ ...from, durationMs: half }] : []),
    ...kept.map((op) => ({ ...from, without: [...without, op].sort((a, b) => a - b) }))
  ]
}

/**
 * The result of shrinking.
 *
 * @since 0.1.0
 * @category models
 */
export interface Shrunk<A> {
  readonly smallest: ShrinkCase
  /** Value of the last successful `attempt`; undefined: no smaller case fails for the same reason. */
  readonly found: A | undefined
  readonly attempts: number
}

/**
 * Tries smaller cases until none of the next ones fails for the same reason, or until `limit` attempts were made. `attempt` returns a value if its
 * case fails for the same reason. No case is tried twice.
 *
 * @since 0.1.0
 * @category running
 */
export const shrink = <A, E, R>(options: {
  readonly from: ShrinkCase
  readonly ops: number
  readonly limit: number
  readonly attempt: (candidate: ShrinkCase) => Effect.Effect<A | undefined, E, R>
}): Effect.Effect<Shrunk<A>, E, R> =>
  Effect.gen(function* () {
    const keyOf = ({ durationMs, topology, without, workersPerCgroup }: ShrinkCase) =>
      `${topology} ${workersPerCgroup} ${durationMs} ${without.join(",")}`
    const tried = new Set([keyOf(options.from)])
    let smallest = options.from
    let found: A | undefined
    let attempts = 0
    for (let again = true; again; ) {
      again = false
      for (const candidate of smallerCases(smallest, options.ops)) {
        if (attempts >= options.limit) return { smallest, found, attempts }
        if (tried.has(keyOf(candidate))) continue
        tried.add(keyOf(candidate))
        attempts++
        const same = yield* options.attempt(candidate)
        if (same === undefined) continue
        smallest = candidate
        found = same
        again = true
        break
      }
    }
    return { smallest, found, attempts }
  })

/**
 * Counts the ops in all steps of a scenario.
 *
 * @since 0.1.0
 * @category accessors
 */
export const countOps = ({ steps }: ScenarioSteps): number => steps.reduce((sum, { ops }) => sum + ops.length, 0)

/**
 * Returns the scenario without the ops at these indexes, counted over all its steps.
 *
 * @since 0.1.0
 * @category conversions
 */
export const withoutOps = (scenario: Scenario, without: ReadonlyArray<number>): Scenario =>
  without.length === 0
    ? scenario
    : {
        ...scenario,
        build: (ctx) => {
          const built = scenario.build(ctx)
          if (isScenarioProgram(built)) return built
          let at = 0
          return {
            ...built,
            steps: built.steps.map((step) => step.setOps(step.ops.filter(() => !without.includes(at++))))
          }
        }
      }
