/**
 * External programs that run in the guest beside the workers, or in their place.
 *
 * @since 0.1.0
 */
import { Duration } from "effect"
import { PayloadCheck } from "./Check.ts"
import type { MetricSpec } from "./Metric.ts"
import { OutputRef } from "./OutputFormat.ts"

/**
 * A program. It begins in `/tmp` of the guest, with `PATH` and `HOME` in its environment and `/dev/null` as its input.
 *
 * @since 0.1.0
 * @category models
 */
export interface Payload {
  /** By which ops address it, and results show it. */
  readonly name: string
  /** On this host, as for `-i`: a name (working directory, then `PATH`), a path, or either with `:/guest/path`; or `{ guest }`. */
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
 * @since 0.1.0
 * @category models
 */
export interface PayloadOptions {
  /**
   * The program: a name (working directory, then `PATH`), a path, or either with `:/guest/path`; it goes into the guest with
   * the libraries it needs. `{ guest: path }`: one that is there anyway, because `includeFiles` bring it.
   */
  readonly binary: string | { readonly guest: string }
  /** Come before those of a run. */
  readonly defaultArgs?: ReadonlyArray<string> | undefined
  /** A registered format by name or with options; default `ExitCode`. */
  readonly output?: OutputRef | string | undefined
  /** Judge every run, unless the run's own replace them. */
  readonly defaultChecks?: ReadonlyArray<PayloadCheck> | undefined
  /** Units and polarities of metrics that must be in the output. */
  readonly metrics?: ReadonlyArray<MetricSpec> | undefined
  /** Files for the guest, as for `-i`; directories are walked. */
  readonly includeFiles?: ReadonlyArray<string> | undefined
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** Working directory in the guest; default `/tmp`. */
  readonly directory?: string | undefined
}

/**
 * What one run of a payload may say beside the payload.
 *
 * @since 0.1.0
 * @category models
 */
export interface PayloadRunOptions {
  /** Come after the default ones. */
  readonly args?: ReadonlyArray<string> | undefined
  readonly checks?: ReadonlyArray<PayloadCheck> | undefined
  /** After so long it is killed, and the run fails; default: it may run as long as what started it. */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * A payload with what one run of it adds.
 *
 * @since 0.1.0
 * @category models
 */
export interface PayloadSpec {
  readonly payload: Payload
  /** Relative to the root of the run; "": the root. */
  readonly cgroup: string
  /** After the default ones. */
  readonly args: ReadonlyArray<string>
  /** The payload's own and the run's, merged. */
  readonly checks: ReadonlyArray<PayloadCheck>
  readonly timeoutMs: number | undefined
}

/**
 * Bytes of a payload's output that are kept, standard output and standard error together; what it prints beyond them is counted.
 *
 * @since 0.1.0
 * @category constants
 */
export const payloadOutputLimit: number = 4 * 1024 * 1024

/**
 * Milliseconds that a payload has from SIGTERM to SIGKILL when it is told to end.
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
 * @since 0.1.0
 * @category constructors
 */
export const Payload: {
  /** What is wrong with it is told when a scenario that runs it is compiled. */
  readonly make: (name: string, options: PayloadOptions) => Payload
  /** A run of it; the cgroup defaults to the root. */
  readonly spec: (
    payload: Payload,
    options?: PayloadRunOptions & { readonly cgroup?: string | undefined }
  ) => PayloadSpec
  /** What is wrong with a run; undefined when nothing is. */
  readonly problem: (spec: PayloadSpec) => string | undefined
  /** The specs of files it needs in the guest, the program first where it is one of this host. */
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
