/**
 * Tests of schedulers: a scenario, the machine it needs, and the checks that judge it.
 *
 * @since 0.1.0
 */
import type { CommandExecutor, FileSystem, Path } from "@effect/platform"
import { Data, Effect, Either } from "effect"
import { describeFault, unknownOption } from "../base/index.ts"
import { Assert, Checks } from "../check/index.ts"
import { kernelScheduler, type ResolvedKernel } from "../kernel/index.ts"
import { Payload } from "../payload/index.ts"
import type { SettledRun } from "../run/index.ts"
import {
  Scenario,
  type ScenarioBody,
  ScenarioContext,
  type ScenarioError,
  Scenarios,
  scenarioBody,
  withBackgroundPayloads
} from "../scenario/index.ts"
import { FlagProfile, resolveScheduler, type Scheduler } from "../scheduler/index.ts"
import { TestConstraints, TestTopology, Topology } from "../topology/index.ts"
import { WorkTypeRef } from "../work/index.ts"

/**
 * Options of a test, all optional. The fields of {@link Assert} are the test's layer of checks. `F`: the flags of its scheduler.
 *
 * @since 0.1.0
 * @category models
 */
export interface KtstrTestOptions<F extends string = string> extends Assert {
  /** The scheduler under test. Default: the kernel's own. Its topology, constraints and checks apply if the test sets none. */
  readonly scheduler?: Scheduler<F> | undefined
  /** Flags that are enabled in every profile, with the flags they require. */
  readonly requiredFlags?: ReadonlyArray<NoInfer<F>> | undefined
  /** Flags that are enabled in no profile. */
  readonly excludedFlags?: ReadonlyArray<NoInfer<F>> | undefined
  /** Arguments for the scheduler, after its own and before those of its flags. */
  readonly extraSchedArgs?: ReadonlyArray<string> | undefined
  /** Seconds that a worker may be runnable without running before the scheduler is ended; 0: forever. Default 2. */
  readonly workerWatchdogS?: number | undefined
  /** Timeout of the kernel's own watchdog in seconds, at most 30; replaces the scheduler's `timeout_ms`. Default: the scheduler's own. */
  readonly watchdogTimeoutS?: number | undefined
  /** The complete topology, as value or text. Default: built from the dimensions below. */
  readonly topology?: Topology | string | undefined
  /** Default 1. */
  readonly numaNodes?: number | undefined
  /** LLCs in total. Default 1. */
  readonly llcs?: number | undefined
  /** Cores per LLC. Default 2. */
  readonly cores?: number | undefined
  /** Threads per core. Default 1. */
  readonly threads?: number | undefined
  /** Guest memory in MiB. Default: 2048, or more if the topology or the initramfs needs it. */
  readonly memoryMb?: number | undefined
  /** Seconds. Default 2. */
  readonly durationS?: number | undefined
  /** Default 2. */
  readonly workersPerCgroup?: number | undefined
  /** Replaces the work types of swappable cgroups: `NAME` or `NAME:param=value`. */
  readonly workType?: WorkTypeRef | string | undefined
  /** Inverts the test: it passes if the scenario fails, or with a pattern, if the scenario fails and a detail matches it. */
  readonly expectError?: boolean | RegExp | undefined
  readonly constraints?: TestConstraints | undefined
  /**
   * The test takes CPUs offline, or boots with fewer than its topology has, on purpose; the result then has a warning. Default: as the scenario says.
   * In all other tests, a run is inconclusive if the machine lacks something that was requested, at any time.
   */
  readonly cpuHotplug?: boolean | undefined
  /** Files and programs for the guest: `NAME`, `PATH`, `DIRECTORY` or `SOURCE:/guest/path`; libraries are added automatically. */
  readonly extraIncludeFiles?: ReadonlyArray<string> | undefined
  /**
   * The program under test. If neither an op nor a cgroup of the steps starts it, it runs in the root cgroup during all steps. A scenario that is a
   * program starts it itself.
   */
  readonly payload?: Payload | undefined
  /** More programs, like `payload`. */
  readonly workloads?: ReadonlyArray<Payload> | undefined
  /** Kernel arguments. */
  readonly kargs?: ReadonlyArray<string> | undefined
  /** Seed of every random choice. Default 0. */
  readonly seed?: number | undefined
  /** Maximum time to wait for the guest to boot, in seconds. */
  readonly bootTimeoutS?: number | undefined
}

/**
 * What a scenario function may return.
 *
 * @since 0.1.0
 * @category models
 */
export type ScenarioData = ScenarioBody

/**
 * The name of a registered scenario, steps, or a function that returns steps for a context.
 *
 * @since 0.1.0
 * @category models
 */
export type ScenarioInput =
  | string
  | ScenarioData
  | ((ctx: ScenarioContext) => ScenarioData | Effect.Effect<ScenarioData, unknown>)

/**
 * A test is declared in a way that can't run.
 *
 * @since 0.1.0
 * @category errors
 */
export class KtstrTestError extends Data.TaggedError("KtstrTestError")<{ readonly message: string }> {}

/**
 * A test with checked options.
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

const otherNames = {
  scheduler: true,
  requiredFlags: true,
  excludedFlags: true,
  extraSchedArgs: true,
  workerWatchdogS: true,
  watchdogTimeoutS: true,
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
  cpuHotplug: true,
  payload: true,
  workloads: true,
  kargs: true,
  extraIncludeFiles: true,
  seed: true,
  bootTimeoutS: true
} as const satisfies Record<Exclude<keyof KtstrTestOptions, keyof Assert>, true>

const assertOf = (options: KtstrTestOptions): Assert =>
  Assert.merge(Object.fromEntries(Object.entries(options).filter(([name]) => Checks.isName(name))))

const dimensionsOf = (options: KtstrTestOptions): ReadonlyArray<string> =>
  (["numaNodes", "llcs", "cores", "threads"] as const).filter((key) => options[key] !== undefined)

const topologyOf = (options: KtstrTestOptions): Either.Either<Topology, { readonly message: string }> => {
  if (options.topology instanceof Topology) return Either.right(options.topology)
  if (options.topology !== undefined) return Topology.parse(options.topology)
  const inherited = options.scheduler?.topology
  if (inherited !== undefined && dimensionsOf(options).length === 0) return Either.right(inherited)
  return Topology.make({
    numaNodes: options.numaNodes ?? inherited?.numaNodes ?? 1,
    llcs: options.llcs ?? inherited?.llcs ?? 1,
    coresPerLlc: options.cores ?? inherited?.coresPerLlc ?? 2,
    threadsPerCore: options.threads ?? inherited?.threadsPerCore ?? 1
  })
}

/** SCX_WATCHDOG_MAX_TIMEOUT of kernel/sched/ext.c. */
const maxWatchdogTimeoutS = 30

const problem = (name: string, options: KtstrTestOptions): string | undefined => {
  if (name.trim() === "" || /[\n\r]/.test(name)) return "the name must be one line that is not empty"
  const unknown = unknownOption(options, [...Object.keys(otherNames), ...Checks.all.map(({ name }) => name)])
  if (unknown !== undefined) return unknown
  const check = Checks.problem(assertOf(options))
  if (check !== undefined) return check
  const dimensions = dimensionsOf(options)
  if (options.topology !== undefined && dimensions.length > 0) {
    return `topology and ${dimensions.join(", ")} are both given; give one of them`
  }
  for (const key of ["durationS", "bootTimeoutS"] as const) {
    const value = options[key]
    if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
      return `${key} must be a number of seconds greater than 0, got ${value}`
    }
  }
  const watchdog = options.workerWatchdogS
  if (watchdog !== undefined && !(Number.isFinite(watchdog) && watchdog >= 0)) {
    return `workerWatchdogS must be a number of seconds, 0 to switch it off, got ${watchdog}`
  }
  const timeout = options.watchdogTimeoutS
  if (timeout !== undefined && !(timeout >= 0.1 && timeout <= maxWatchdogTimeoutS)) {
    return `watchdogTimeoutS must be a number of seconds from 0.1 to ${maxWatchdogTimeoutS}, got ${timeout}`
  }
  if (options.cpuHotplug !== undefined && typeof options.cpuHotplug !== "boolean") {
    return `cpuHotplug must be true or false, got ${options.cpuHotplug}`
  }
  for (const key of ["requiredFlags", "excludedFlags", "extraSchedArgs"] as const) {
    if (options.scheduler === undefined && (options[key]?.length ?? 0) > 0) return `${key} needs a scheduler`
  }
  for (const key of ["workersPerCgroup", "memoryMb"] as const) {
    const value = options[key]
    if (value !== undefined && !(Number.isInteger(value) && value >= 1)) {
      return `${key} must be a whole number of at least 1, got ${value}`
    }
  }
  return undefined
}

/** Returns the profiles of a test. The test runs under the first one: the required flags and no others. */
const profilesOf = ({ excludedFlags, requiredFlags, scheduler }: KtstrTestOptions) =>
  scheduler === undefined
    ? Either.right([])
    : FlagProfile.all(scheduler, { required: requiredFlags ?? [], excluded: excludedFlags ?? [] })

/** Merges the constraints; the test's own fields take precedence over those of its scheduler. */
const constraintsOf = ({ constraints, scheduler }: KtstrTestOptions): TestConstraints => ({
  ...scheduler?.constraints,
  ...constraints
})

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
    new KtstrTestError({ message: `test '${name}': its scenario could not be built: ${describeFault(cause)}` })
  const built =
    typeof scenario === "function"
      ? Effect.flatMap(Effect.try({ try: () => scenario(ctx), catch: failed }), (data) =>
          Effect.isEffect(data) ? Effect.mapError(data, failed) : Effect.succeed(data)
        )
      : Effect.succeed(scenario)
  return Effect.flatMap(
    Effect.catchAllDefect(built, (defect) => Effect.fail(failed(defect))),
    (data) =>
      Effect.try({
        try: () => {
          const body = scenarioBody(ctx, data, `test '${name}': its scenario`)
          return Scenario.make({ name, description: name, build: () => body })
        },
        catch: (error) => error as ScenarioError
      })
  )
}

const payloadsOf = ({ payload, workloads = [] }: KtstrTestOptions): ReadonlyArray<Payload> =>
  payload === undefined ? workloads : [payload, ...workloads]

const withPayloads = (scenario: Scenario, payloads: ReadonlyArray<Payload>): Scenario =>
  payloads.length === 0
    ? scenario
    : { ...scenario, build: (ctx) => withBackgroundPayloads(scenario.build(ctx), payloads) }

/**
 * Functions to declare a test and to run it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const KtstrTest: {
  /** Checks name and options; the error message names the test and the option. */
  readonly make: (
    name: string,
    options: KtstrTestOptions,
    scenario: ScenarioInput
  ) => Either.Either<KtstrTest, KtstrTestError>
  /** Returns whether the name is `demo_…`: such a test runs only if it is selected explicitly. */
  readonly isDemo: (test: KtstrTest) => boolean
  /** Returns why the test does not fit its own topology; undefined if it does. */
  readonly unmet: (test: KtstrTest) => string | undefined
  /** Makes the request that `runScenario` needs to run the test. */
  readonly request: (
    test: KtstrTest,
    kernel: ResolvedKernel,
    options?: {
      /** The test's directory, next to which its scheduler is looked for. Default: the working directory. */
      readonly directory?: string | undefined
    }
  ) => Effect.Effect<
    SettledRun,
    KtstrTestError | { readonly message: string },
    Scenarios | FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor
  >
} = {
  make: (name, options, scenario) => {
    const bad = (message: string) => Either.left(new KtstrTestError({ message: `test '${name}': ${message}` }))
    const wrong = problem(name, options)
    if (wrong !== undefined) return bad(wrong)
    const topology = topologyOf(options)
    if (Either.isLeft(topology)) return bad(topology.left.message)
    const durationMs = Math.max(1, Math.round((options.durationS ?? 2) * 1000))
    const profiles = profilesOf(options)
    if (Either.isLeft(profiles)) return bad(profiles.left.message)
    return Either.right({ name, topology: topology.right, durationMs, options, scenario })
  },
  isDemo: ({ name }) => name.startsWith("demo_"),
  unmet: ({ options, topology }) => TestConstraints.unmet(constraintsOf(options), topology),
  request: (test, kernel, { directory } = {}) =>
    Effect.gen(function* () {
      const { options, topology, durationMs } = test
      const workersPerCgroup = options.workersPerCgroup ?? 2
      const seed = options.seed ?? 0
      const workTypeOverride =
        typeof options.workType === "string" ? yield* WorkTypeRef.parse(options.workType) : options.workType
      const topo = TestTopology.fromTopology(topology)
      const { extraSchedArgs, scheduler, workerWatchdogS } = options
      const ctx = ScenarioContext.make({
        topo,
        durationMs,
        workersPerCgroup,
        workTypeOverride,
        scheduler:
          scheduler === undefined || scheduler.binary._tag === "Eevdf"
            ? kernelScheduler(kernel.version)
            : scheduler.name,
        seed
      })
      const [profile = FlagProfile.none] = yield* profilesOf(options)
      return {
        scheduler:
          scheduler === undefined
            ? undefined
            : yield* resolveScheduler(scheduler, { profile, extraArgs: extraSchedArgs, directory }),
        watchdogMs: workerWatchdogS === undefined ? undefined : workerWatchdogS * 1000,
        watchdogTimeoutS: options.watchdogTimeoutS,
        constraints: constraintsOf(options),
        scenario: withPayloads(yield* scenarioOf(test, ctx), payloadsOf(options)),
        topology,
        kernel,
        durationMs,
        workersPerCgroup,
        memoryMb: options.memoryMb,
        workTypeOverride,
        assert: assertOf(options),
        expectError: options.expectError,
        cpuHotplug: options.cpuHotplug,
        seed,
        kargs: options.kargs ?? [],
        includes: [...(options.extraIncludeFiles ?? []), ...payloadsOf(options).flatMap(Payload.includes)],
        bootTimeoutMs: options.bootTimeoutS === undefined ? undefined : options.bootTimeoutS * 1000
      }
    })
}
