/**
 * External programs that run in the guest next to the workers, or instead of them.
 *
 * @since 0.1.0
 */
import { Duration } from "effect"
import { PayloadCheck } from "./Check.ts"
import type { MetricSpec } from "./Metric.ts"
import { OutputRef } from "./OutputFormat.ts"

/**
 * A program. It starts in `/tmp` of the guest, with `PATH` and `HOME` in its environment and `/dev/null` as its input.
 *
 * @since 0.1.0
 * @category models
 */
export interface Payload {
  /** Name by which ops address it and results show it. */
  readonly name: string
  /** The program on this host, as for `-i`: a name (working directory, then `PATH`), a path, or either with `:/guest/path`; or `{ guest }`. */
  readonly binary: string | { readonly guest: string }
  readonly defaultArgs: ReadonlyArray<string>
  readonly output: OutputRef
  readonly defaultChecks: ReadonlyArray<PayloadCheck>
  readonly metrics: ReadonlyArray<MetricSpec>
  readonly includeFiles: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string>>
  readonly directory: string
}

/**
 * Options of {@link Payload}'s `make`; all but `binary` are optional.
 *
 * @since 0.1.0
 * @category models
 */
export interface PayloadOptions {
  /**
   * The program: a name (working directory, then `PATH`), a path, or either with `:/guest/path`; it is packed into the guest with its libraries. `{
   * guest: path }`: a program that is in the guest already, because `includeFiles` has it.
   */
  readonly binary: string | { readonly guest: string }
  /** Arguments that precede those of a run. */
  readonly defaultArgs?: ReadonlyArray<string> | undefined
  /** A registered format, by name or with options; default `ExitCode`. */
  readonly output?: OutputRef | string | undefined
  /** Checks of every run, unless the run's own replace them. */
  readonly defaultChecks?: ReadonlyArray<PayloadCheck> | undefined
  /** Units and polarities of metrics that must be in the output. */
  readonly metrics?: ReadonlyArray<MetricSpec> | undefined
  /** Files for the guest, as for `-i`; directories are included with their contents. */
  readonly includeFiles?: ReadonlyArray<string> | undefined
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** Working directory in the guest; default `/tmp`. */
  readonly directory?: string | undefined
}

/**
 * Options of one run of a payload.
 *
 * @since 0.1.0
 * @category models
 */
export interface PayloadRunOptions {
  /** Arguments after the default ones. */
  readonly args?: ReadonlyArray<string> | undefined
  readonly checks?: ReadonlyArray<PayloadCheck> | undefined
  /** Time after which the payload is killed and the run fails. Default: none, so it may run as long as the step or program that started it. */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * A payload with the options of one run.
 *
 * @since 0.1.0
 * @category models
 */
export interface PayloadSpec {
  readonly payload: Payload
  /** Cgroup relative to the root of the run; "": the root. */
  readonly cgroup: string
  /** Arguments after the default ones. */
  readonly args: ReadonlyArray<string>
  /** The payload's own checks and the run's, merged. */
  readonly checks: ReadonlyArray<PayloadCheck>
  readonly timeoutMs: number | undefined
}

/**
 * Maximum number of bytes of a payload's output that are kept, standard output and standard error together; the rest is only counted.
 *
 * @since 0.1.0
 * @category constants
 */
export const payloadOutputLimit: number = 4 * 1024 * 1024

/**
 * Milliseconds between SIGTERM and SIGKILL when a payload is stopped.
 *
 * @since 0.1.0
 * @category constants
 */
export const payloadGraceMs: number = 5_000

const nameProblem = (name: string): string | undefined =>
  name.trim() === "" || /[\n\r\0]/.test(name) ? "the name must be one line that is not empty" : undefined

const optionProblem = ({ binary, directory, environment }: Payload): string | undefined => {
  if (typeof binary === "string" ? binary === "" : !binary.guest.startsWith("/")) {
    return typeof binary === "string"
      ? "binary is empty; name a program or its path"
      : `binary: guest path '${binary.guest}' is not absolute`
  }
  if (!directory.startsWith("/")) return `directory '${directory}' is not absolute`
  const odd = Object.keys(environment).find((name) => name === "" || /[=\0]/.test(name))
  return odd === undefined ? undefined : `environment: '${odd}' is no name of a variable`
}

/**
 * Functions to make payloads and their runs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const Payload: {
  /** Makes a payload. Errors in it are reported when a scenario that runs it is compiled. */
  readonly make: (name: string, options: PayloadOptions) => Payload
  /** Makes a run of a payload; the cgroup defaults to the root. */
  readonly spec: (
    payload: Payload,
    options?: PayloadRunOptions & { readonly cgroup?: string | undefined }
  ) => PayloadSpec
  /** Returns what is wrong with a run; undefined if nothing is. */
  readonly problem: (spec: PayloadSpec) => string | undefined
  /** Returns the specs of files that a payload needs in the guest; the program comes first if it is from this host. */
  readonly includes: (payload: Payload) => ReadonlyArray<string>
} = {
  make: (name, options) => ({
    name,
    binary: options.binary,
    defaultArgs: options.defaultArgs ?? [],
    output: typeof options.output === "string" ? OutputRef.of(options.output) : (options.output ?? OutputRef.ExitCode),
    defaultChecks: options.defaultChecks ?? [],
    metrics: options.metrics ?? [],
    includeFiles: options.includeFiles ?? [],
    environment: options.environment ?? {},
    directory: options.directory ?? "/tmp"
  }),
  spec: (payload, options = {}) => ({
    payload,
    cgroup: options.cgroup ?? "",
    args: options.args ?? [],
    checks: PayloadCheck.merge(payload.defaultChecks, options.checks ?? []),
    timeoutMs: options.timeout === undefined ? undefined : Duration.toMillis(options.timeout)
  }),
  problem: ({ checks, payload, timeoutMs }) => {
    const wrong =
      nameProblem(payload.name) ??
      optionProblem(payload) ??
      checks.map(PayloadCheck.problem).find((problem) => problem !== undefined)
    if (wrong !== undefined) return `payload '${payload.name}': ${wrong}`
    return timeoutMs === undefined || (Number.isFinite(timeoutMs) && timeoutMs > 0)
      ? undefined
      : `payload '${payload.name}': the timeout is ${timeoutMs} ms; it must be longer than 0 and finite`
  },
  includes: ({ binary, includeFiles }) => [...(typeof binary === "string" ? [binary] : []), ...includeFiles]
}
