/**
 * Payloads of scenarios that are programs: starts, awaits and stops them while the program runs.
 *
 * @since 0.1.0
 */
import { Context, type Duration, Effect } from "effect"
import {
  type OutputFormatError,
  Payload,
  type PayloadCheck,
  type PayloadError,
  type PayloadResult,
  type PayloadRunOptions,
  type PayloadSpec
} from "../payload/index.ts"

/**
 * A started payload. Its result counts in the verdict, whether or not the program asks for it here.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunningPayload {
  /** Waits for its end, then reads and judges its output. */
  readonly result: Effect.Effect<PayloadResult>
  /** Sends a signal to its process group; does nothing if it has ended. */
  readonly signal: (signal: number) => Effect.Effect<void, PayloadError>
  /** Sends SIGTERM, and SIGKILL after 5 s, then returns the result. Other commands wait meanwhile. */
  readonly stop: Effect.Effect<PayloadResult, PayloadError>
}

/**
 * Starts payloads wherever the scenario runs. Payloads that still run when the program ends are stopped.
 *
 * @since 0.1.0
 * @category services
 */
export class PayloadRunner extends Context.Tag("@ktstr/core/PayloadRunner")<
  PayloadRunner,
  {
    /** Starts a payload. Its files must be in the guest: list it in the program's `payloads`, or in the test's `payload` or `workloads`. */
    readonly start: (spec: PayloadSpec) => Effect.Effect<RunningPayload, PayloadError | OutputFormatError>
  }
>() {}

/**
 * A run of a payload that has not started. Immutable: every method returns a new run. `ctx.payload(fio).args("--runtime=2").inCgroup("io").run()`.
 *
 * @since 0.1.0
 * @category models
 */
export class PayloadRun {
  private readonly payload: Payload
  private readonly options: PayloadRunOptions & { readonly cgroup?: string | undefined }

  private constructor(payload: Payload, options: PayloadRun["options"]) {
    this.payload = payload
    this.options = options
  }

  static of(payload: Payload): PayloadRun {
    return new PayloadRun(payload, {})
  }

  /** Adds arguments after the payload's own and those added before. */
  args(...args: ReadonlyArray<string>): PayloadRun {
    return this.with({ args: [...(this.options.args ?? []), ...args] })
  }

  /** Adds checks; a check of the same kind for the same metric replaces the earlier one. */
  checks(...checks: ReadonlyArray<PayloadCheck>): PayloadRun {
    return this.with({ checks: [...(this.options.checks ?? []), ...checks] })
  }

  /** Sets the cgroup. Default: the root of the run. */
  inCgroup(cgroup: string): PayloadRun {
    return this.with({ cgroup })
  }

  /** Sets the time after which the payload is killed and the run fails. */
  timeout(timeout: Duration.DurationInput): PayloadRun {
    return this.with({ timeout })
  }

  get spec(): PayloadSpec {
    return Payload.spec(this.payload, this.options)
  }

  /** Starts the payload without waiting for it. */
  spawn(): Effect.Effect<RunningPayload, PayloadError | OutputFormatError, PayloadRunner> {
    return Effect.flatMap(PayloadRunner, (runner) => runner.start(this.spec))
  }

  /** Runs the payload to its end; stops it if interrupted. */
  run(): Effect.Effect<PayloadResult, PayloadError | OutputFormatError, PayloadRunner> {
    return Effect.flatMap(this.spawn(), (running) =>
      Effect.onInterrupt(running.result, () => Effect.ignore(running.stop))
    )
  }

  private with(change: PayloadRun["options"]): PayloadRun {
    return new PayloadRun(this.payload, { ...this.options, ...change })
  }
}
