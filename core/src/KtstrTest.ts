/**
 * Tests of schedulers: a scenario with the machine it needs and the checks it is judged by.
 *
 * @since 0.1.0
 */
import { Data, Effect, Either } from "effect"
import { Assert } from "./Assert.ts"
import type { ResolvedKernel } from "./KernelResolver.ts"
import type { RunRequest } from "./RunScenario.ts"
import { executeSteps, Scenario, type ScenarioSteps } from "./Scenario.ts"
import { ScenarioContext } from "./ScenarioContext.ts"
import type { ScenarioProgram } from "./ScenarioProgram.ts"
import { Scenarios } from "./Scenarios.ts"
import { Step } from "./Step.ts"
import { suggestion } from "./Suggest.ts"
import { TestTopology } from "./TestTopology.ts"
import { Topology } from "./Topology.ts"
import { WorkTypeRef } from "./WorkType.ts"

/**
 * The machines a test fits; where its topology does not, it is skipped with the reason. An unset field is not judged for the
 * test's own topology.
 *
 * @since 0.1.0
 * @category models
 */
export interface TestConstraints {
  readonly minLlcs?: number
  readonly maxLlcs?: number
  readonly minCpus?: number
  readonly maxCpus?: number
  readonly minNumaNodes?: number
  readonly maxNumaNodes?: number
  /** More than one thread per core. */
  readonly requiresSmt?: boolean
}

/**
 * Every field is optional. The fields of {@link Assert} are the test's layer of checks.
 *
 * @since 0.1.0
 * @category models
 */
export interface KtstrTestOptions extends Assert {
  /** Whole, as value or text; else from the single dimensions below. */
  readonly topology?: Topology | string | undefined
  /** Default 1. */
  readonly numaNodes?: number | undefined
  /** LLCs in total. Default 1. */
  readonly llcs?: number | undefined
  /** Cores per LLC. Default 2. */
  readonly cores?: number | undefined
  /** Threads per core. Default 1. */
  readonly threads?: number | undefined
  /** Guest memory in MiB. Default: by the number of CPUs. */
  readonly memoryMb?: number | undefined
  /** Seconds. Default 2. */
  readonly durationS?: number | undefined
  /** Default 2. */
  readonly workersPerCgroup?: number | undefined
  /** Replaces the work types of swappable cgroups, `NAME` or `NAME:param=value`. */
  readonly workType?: WorkTypeRef | string | undefined
  /** The test passes when the scenario fails; with a pattern, when a detail matches it. */
  readonly expectError?: boolean | RegExp | undefined
  readonly constraints?: TestConstraints | undefined
  /** Files and programs for the guest, `NAME`, `PATH`, `DIRECTORY` or `SOURCE:/guest/path`; libraries come along. */
  readonly extraIncludeFiles?: ReadonlyArray<string> | undefined
  /** Words for the kernel command line. */
  readonly kargs?: ReadonlyArray<string> | undefined
  /** Seed of every random choice. Default 0. */
  readonly seed?: number | undefined
  /** Longest time until the guest answers, seconds. */
  readonly bootTimeoutS?: number | undefined
}

/**
 * What a scenario function may give.
 *
 * @since 0.1.0
 * @category models
 */
export type ScenarioData = ScenarioSteps | ScenarioProgram | ReadonlyArray<Step> | Step

/**
 * The name of a registered scenario, steps, or what gives steps for a context.
 *
 * @since 0.1.0
 * @category models
 */
export type ScenarioInput =
  | string
  | ScenarioData
  | ((ctx: ScenarioContext) => ScenarioData | Effect.Effect<ScenarioData, unknown>)

/**
 * A test is declared in a way that no run can come of.
 *
 * @since 0.1.0
 * @category errors
 */
export class KtstrTestError extends Data.TaggedError("KtstrTestError")<{ readonly message: string }> {}

/**
 * A test whose options are checked.
 *
 * @since 0.1.0
 * @category models
 */
export interface KtstrTest {
  readonly name: string
  readonly topology: Topology
  readonly durationMs: number
  readonly options: KtstrTestOptions
  readonly scenario: ScenarioInput
}

/** Every check there is, so that the test's layer can be told from its other options. */
const checkNames = {
  notStarved: true,
  isolation: true,
  maxGapMs: true,
  maxSpreadPct: true,
  maxThroughputCv: true,
  minWorkRate: true,
  maxP99WakeLatencyNs: true,
  maxWakeLatencyCv: true,
  minIterationRate: true,
  maxMigrationRatio: true,
  maxImbalanceRatio: true,
  maxLocalDsqDepth: true,
  failOnStall: true,
  sustainedSamples: true,
  maxFallbackRate: true,
  maxKeepLastRate: true,
  minPageLocality: true,
  maxCrossNodeMigrationRatio: true,
  maxSlowTierRatio: true
} as const satisfies Record<keyof Assert, true>

const otherNames = {
  topology: true,
  numaNodes: true,
  llcs: true,
  cores: true,
  threads: true,
  memoryMb: true,
  durationS: true,
  workersPerCgroup: true,
  workType: true,
  expectError: true,
  constraints: true,
  kargs: true,
  extraIncludeFiles: true,
  seed: true,
  bootTimeoutS: true
} as const satisfies Record<Exclude<keyof KtstrTestOptions, keyof Assert>, true>

const assertOf = (options: KtstrTestOptions): Assert =>
  Assert.merge(Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(checkNames, name))))

const topologyOf = (options: KtstrTestOptions): Either.Either<Topology, { readonly message: string }> => {
  if (options.topology instanceof Topology) return Either.right(options.topology)
  if (options.topology !== undefined) return Topology.parse(options.topology)
  return Topology.make({
    numaNodes: options.numaNodes ?? 1,
    llcs: options.llcs ?? 1,
    coresPerLlc: options.cores ?? 2,
    threadsPerCore: options.threads ?? 1
  })
}

const problem = (name: string, options: KtstrTestOptions): string | undefined => {
  if (name.trim() === "" || /[\n\r]/.test(name)) return "the name must be one line that is not empty"
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(checkNames, key) && !Object.hasOwn(otherNames, key)) {
      return `unknown option '${key}'${suggestion(key, [...Object.keys(otherNames), ...Object.keys(checkNames)])}`
    }
  }
  const dimensions = (["numaNodes", "llcs", "cores", "threads"] as const).filter((key) => options[key] !== undefined)
  if (options.topology !== undefined && dimensions.length > 0) {
    return `topology and ${dimensions.join(", ")} are both given; give one of them`
  }
  for (const key of ["durationS", "bootTimeoutS"] as const) {
    const value = options[key]
    if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
      return `${key} must be a number of seconds greater than 0, got ${value}`
    }
  }
  for (const key of ["workersPerCgroup", "memoryMb"] as const) {
    const value = options[key]
    if (value !== undefined && !(Number.isInteger(value) && value >= 1)) {
      return `${key} must be a whole number of at least 1, got ${value}`
    }
  }
  return undefined
}

const unmet = (constraints: TestConstraints, topology: Topology): string | undefined => {
  const counts = [
    ["LLC", constraints.minLlcs, constraints.maxLlcs, topology.llcs],
    ["CPU", constraints.minCpus, constraints.maxCpus, topology.cpus],
    ["NUMA node", constraints.minNumaNodes, constraints.maxNumaNodes, topology.numaNodes]
  ] as const
  for (const [what, min, max, has] of counts) {
    if (min !== undefined && has < min) return `needs at least ${min} ${what}s; topology ${topology} has ${has}`
    if (max !== undefined && has > max) return `takes at most ${max} ${what}s; topology ${topology} has ${has}`
  }
  return constraints.requiresSmt === true && topology.threadsPerCore < 2
    ? `needs more than one thread per core; topology ${topology} has one`
    : undefined
}

const bodyOf = (ctx: ScenarioContext, data: ScenarioData): ScenarioSteps | ScenarioProgram => {
  if (data instanceof Step) return executeSteps(ctx, [data])
  return Array.isArray(data) ? executeSteps(ctx, data) : (data as ScenarioSteps | ScenarioProgram)
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const scenarioOf = (
  test: KtstrTest,
  ctx: ScenarioContext
): Effect.Effect<Scenario, KtstrTestError | { readonly message: string }, Scenarios> => {
  const { name, scenario } = test
  if (typeof scenario === "string") {
    return Effect.map(
      Effect.flatMap(Scenarios, (registry) => registry.get(scenario)),
      (found) => ({ ...found, name })
    )
  }
  const failed = (cause: unknown) =>
    new KtstrTestError({ message: `test '${name}': its scenario could not be built: ${messageOf(cause)}` })
  const built =
    typeof scenario === "function"
      ? Effect.flatMap(Effect.try({ try: () => scenario(ctx), catch: failed }), (data) =>
          Effect.isEffect(data) ? Effect.mapError(data, failed) : Effect.succeed(data)
        )
      : Effect.succeed(scenario)
  return Effect.map(built, (data) => {
    const body = bodyOf(ctx, data)
    return Scenario.make({ name, description: name, build: () => body })
  })
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const KtstrTest: {
  /** Checks name and options; the message names the test and the option. */
  readonly make: (
    name: string,
    options: KtstrTestOptions,
    scenario: ScenarioInput
  ) => Either.Either<KtstrTest, KtstrTestError>
  /** `demo_…`: left out unless asked for. */
  readonly isDemo: (test: KtstrTest) => boolean
  /** Why the test does not fit its own topology; undefined when it does. */
  readonly unmet: (test: KtstrTest) => string | undefined
  /** What the main job needs to run it. */
  readonly request: (
    test: KtstrTest,
    kernel: ResolvedKernel
  ) => Effect.Effect<RunRequest, KtstrTestError | { readonly message: string }, Scenarios>
} = {
  make: (name, options, scenario) => {
    const bad = (message: string) => Either.left(new KtstrTestError({ message: `test '${name}': ${message}` }))
    const wrong = problem(name, options)
    if (wrong !== undefined) return bad(wrong)
    const topology = topologyOf(options)
    if (Either.isLeft(topology)) return bad(topology.left.message)
    const durationMs = Math.max(1, Math.round((options.durationS ?? 2) * 1000))
    return Either.right({ name, topology: topology.right, durationMs, options, scenario })
  },
  isDemo: ({ name }) => name.startsWith("demo_"),
  unmet: ({ options, topology }) => unmet(options.constraints ?? {}, topology),
  request: (test, kernel) =>
    Effect.gen(function* () {
      const { options, topology, durationMs } = test
      const workersPerCgroup = options.workersPerCgroup ?? 2
      const seed = options.seed ?? 0
      const workTypeOverride =
        typeof options.workType === "string" ? yield* WorkTypeRef.parse(options.workType) : options.workType
      const topo = TestTopology.fromTopology(topology)
      const ctx = ScenarioContext.make({ topo, durationMs, workersPerCgroup, workTypeOverride, seed })
      return {
        scenario: yield* scenarioOf(test, ctx),
        topology,
        kernel,
        durationMs,
        workersPerCgroup,
        memoryMb: options.memoryMb,
        workTypeOverride,
        assert: assertOf(options),
        expectError: options.expectError,
        seed,
        kargs: options.kargs ?? [],
        includes: options.extraIncludeFiles ?? [],
        bootTimeoutMs: options.bootTimeoutS === undefined ? undefined : options.bootTimeoutS * 1000
      }
    })
}
