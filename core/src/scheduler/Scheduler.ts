/**
 * Schedulers under test: which program, with which flags, on which machine.
 *
 * @since 0.1.0
 */
import { Data, Either } from "effect"
import { registrationProblem } from "../base/index.ts"
import { type Assert, Checks } from "../check/index.ts"
import { type TestConstraints, Topology } from "../topology/index.ts"
import { SchedulerError } from "./Error.ts"

/**
 * Where a scheduler comes from.
 *
 * @since 0.1.0
 * @category models
 */
export type SchedulerBinary = Data.TaggedEnum<{
  /** The kernel's own. */
  Eevdf: {}
  /** A program that is looked up by name, and built if it is not found; see `resolveScheduler`. */
  Discover: {
    readonly name: string
    /** The command that builds it, run in the directory of the test; `undefined`: cargo, if a manifest names it. */
    readonly build: ReadonlyArray<string> | undefined
  }
  /** A program of this host. */
  Path: { readonly path: string }
  /** Part of the kernel; shell commands in the guest enable and disable it. */
  KernelBuiltin: { readonly enable: ReadonlyArray<string>; readonly disable: ReadonlyArray<string> }
}>

const binaries = Data.taggedEnum<SchedulerBinary>()

/**
 * Constructors of the places that a scheduler comes from.
 *
 * @since 0.1.0
 * @category constructors
 */
export const SchedulerBinary: {
  readonly Eevdf: SchedulerBinary
  readonly Discover: (name: string, options?: { readonly build?: ReadonlyArray<string> }) => SchedulerBinary
  readonly Path: (path: string) => SchedulerBinary
  readonly KernelBuiltin: (options: {
    readonly enable: ReadonlyArray<string>
    readonly disable: ReadonlyArray<string>
  }) => SchedulerBinary
} = {
  Eevdf: binaries.Eevdf(),
  Discover: (name, options) => binaries.Discover({ name, build: options?.build }),
  Path: (path) => binaries.Path({ path }),
  KernelBuiltin: (options) => binaries.KernelBuiltin(options)
}

/**
 * A flag of a scheduler: the arguments that enable it, and the flags that it requires.
 *
 * @since 0.1.0
 * @category models
 */
export interface SchedulerFlag<F extends string = string> {
  readonly name: F
  readonly args: ReadonlyArray<string>
  readonly requires: ReadonlyArray<F>
}

/**
 * A scheduler, with the names of its flags as type parameter.
 *
 * @since 0.1.0
 * @category models
 */
export interface Scheduler<out F extends string = string> {
  /** Its name in results. */
  readonly name: string
  readonly binary: SchedulerBinary
  /** In the order of their declaration. */
  readonly flags: ReadonlyArray<SchedulerFlag<F>>
  /** Topology of tests that set none. */
  readonly topology: Topology | undefined
  readonly schedArgs: ReadonlyArray<string>
  /** Sysctls written before the scheduler starts, by name: `kernel.sched_rt_runtime_us`. */
  readonly sysctls: Readonly<Record<string, string>>
  /** Kernel arguments, before the test's own. */
  readonly kargs: ReadonlyArray<string>
  /** Cgroup below which the scenario's cgroups are made, passed to the scheduler as `--cell-parent-cgroup`; `undefined`: the root. */
  readonly cgroupParent: string | undefined
  /** A file of this host, relative to the test's directory. The guest gets it as `/include-files/NAME`, and the scheduler as `--config`. */
  readonly configFile: string | undefined
  /** Its layer of checks, above the clock's default and below the scenario's. */
  readonly assert: Assert
  /** Constraints on machines; a test's own constraints take precedence. */
  readonly constraints: TestConstraints
  /** Longest time from its start until the kernel has enabled it, in milliseconds of guest time. */
  readonly startTimeoutMs: number
}

/**
 * Options of {@link Scheduler}'s `make`; all but `binary` are optional.
 *
 * @since 0.1.0
 * @category models
 */
export interface SchedulerOptions<F extends string> {
  readonly binary: SchedulerBinary
  readonly flags?: {
    readonly [K in F]: { readonly args: ReadonlyArray<string>; readonly requires?: ReadonlyArray<NoInfer<F>> }
  }
  readonly topology?: Topology | string
  readonly schedArgs?: ReadonlyArray<string>
  readonly sysctls?: Readonly<Record<string, string | number>>
  readonly kargs?: ReadonlyArray<string>
  readonly cgroupParent?: string
  readonly configFile?: string
  readonly assert?: Assert
  readonly constraints?: TestConstraints
  /** Seconds. Default 60, because verification is slow on an emulated machine. */
  readonly startTimeoutS?: number
}

/** Kernel arguments that ktstr itself depends on. */
const ownKargs = ["console", "init", "rdinit", "loglevel"]

const flagsOf = <F extends string>(options: SchedulerOptions<F>): ReadonlyArray<SchedulerFlag<F>> =>
  // The type of Object.keys loses the names of the flags.
  (Object.keys(options.flags ?? {}) as unknown as ReadonlyArray<F>).flatMap((name) => {
    const flag = options.flags?.[name]
    return flag === undefined ? [] : [{ name, args: flag.args, requires: flag.requires ?? [] }]
  })

const problem = (name: string, options: SchedulerOptions<string>): string | undefined => {
  const shape = registrationProblem(
    { ...options, name },
    { kind: "scheduler", maker: "Scheduler.make(name, { binary })", fields: { name: "string", binary: "object" } }
  )
  if (shape !== undefined) return shape
  if (!/^[^\s/+]+$/.test(name)) return "a name is one word without '/' and '+'"
  const flags = Object.keys(options.flags ?? {})
  for (const [flag, { requires }] of Object.entries(options.flags ?? {})) {
    if (!/^[^\s/+,]+$/.test(flag)) return `flag '${flag}': a name is one word without '/', '+' and ','`
    const unknown = requires?.find((other) => !flags.includes(other))
    if (unknown !== undefined) return `flag '${flag}' requires '${unknown}', which is none of its flags`
  }
  for (const karg of options.kargs ?? []) {
    const word = ownKargs.find((own) => karg === own || karg.startsWith(`${own}=`))
    if (word !== undefined) return `kernel argument '${karg}': ${word}= is ktstr's own and can't be overridden`
  }
  const check = Checks.problem(options.assert ?? {})
  if (check !== undefined) return `assert: ${check}`
  const { cgroupParent, startTimeoutS } = options
  if (cgroupParent !== undefined && !/^[^/\s]+(\/[^/\s]+)*$/.test(cgroupParent.replace(/^\//, ""))) {
    return `cgroupParent '${cgroupParent}' must be a path below the cgroup root, such as ktstr/cells`
  }
  return startTimeoutS === undefined || (Number.isFinite(startTimeoutS) && startTimeoutS > 0)
    ? undefined
    : `startTimeoutS must be a number of seconds greater than 0, got ${startTimeoutS}`
}

const make = <F extends string = never>(name: string, options: SchedulerOptions<F>): Scheduler<F> => {
  const refuse = (what: string) => new SchedulerError({ reason: "Declared", message: `scheduler '${name}': ${what}` })
  const wrong = problem(name, options)
  if (wrong !== undefined) throw refuse(wrong)
  const topology = typeof options.topology === "string" ? Topology.parse(options.topology) : undefined
  if (topology !== undefined && Either.isLeft(topology)) throw refuse(topology.left.message)
  return {
    name,
    binary: options.binary,
    flags: flagsOf(options),
    topology: topology?.right ?? (options.topology instanceof Topology ? options.topology : undefined),
    schedArgs: options.schedArgs ?? [],
    sysctls: Object.fromEntries(Object.entries(options.sysctls ?? {}).map(([key, value]) => [key, String(value)])),
    kargs: options.kargs ?? [],
    cgroupParent: options.cgroupParent?.replace(/^\//, ""),
    configFile: options.configFile,
    assert: options.assert ?? {},
    constraints: options.constraints ?? {},
    startTimeoutMs: Math.round((options.startTimeoutS ?? 60) * 1000)
  }
}

const eevdf: Scheduler<never> = make("eevdf", { binary: SchedulerBinary.Eevdf })

/**
 * The constructor of schedulers, and the kernel's own scheduler.
 *
 * @since 0.1.0
 * @category constructors
 */
export const Scheduler: {
  /** Makes a scheduler. Throws a `SchedulerError` if the declaration is invalid. */
  readonly make: typeof make
  /** The kernel's own, which runs by default. Results name it after the kernel: `cfs` before Linux 6.6. */
  readonly eevdf: Scheduler<never>
} = { make, eevdf }
