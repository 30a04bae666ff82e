/**
 * Payloads of scenarios that are programs: started, waited for and stopped while the program runs.
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
 * A payload that was started. What its run comes to counts in the verdict, whether or not anyone asks for it here.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunningPayload {
  /** Waits for its end, then reads and judges what it printed. */
  readonly result: Effect.Effect<PayloadResult>
  /** Sends a signal to its process group; nothing when it has ended. */
  readonly signal: (signal: number) => Effect.Effect<void, PayloadError>
  /** SIGTERM, SIGKILL 5 s later; then as `result`. Other commands wait meanwhile. */
  readonly stop: Effect.Effect<PayloadResult, PayloadError>
}

/**
 * Starts payloads, wherever the scenario runs. What still runs when the program ends is stopped.
 *
 * @since 0.1.0
 * @category services
 */
export class PayloadRunner extends Context.Tag("@ktstr/core/PayloadRunner")<
  PayloadRunner,
  {
    /** Its files must be in the guest: the program's `payloads`, or the test's `payload` and `workloads`, bring them. */
    readonly start: (spec: PayloadSpec) => Effect.Effect<RunningPayload, PayloadError | OutputFormatError>
  }
>() {}

/**
 * One run of a payload to be: immutable, every method gives another.
 * `ctx.payload(fio).args("--runtime=2").inCgroup("io").run()`.
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

  /** More arguments, behind the payload's own and those given before. */
  args(...args: ReadonlyArray<string>): PayloadRun {
    return this.with({ args: [...(this.options.args ?? []), ...args] })
  }

  /** More checks; one of the same kind for the same metric replaces what there was. */
  checks(...checks: ReadonlyArray<PayloadCheck>): PayloadRun {
    return this.with({ checks: [...(this.options.checks ?? []), ...checks] })
  }

  /** Default: the root of the run. */
  inCgroup(cgroup: string): PayloadRun {
    return this.with({ cgroup })
  }

  /** After so long it is killed, and the run fails. */
  timeout(timeout: Duration.DurationInput): PayloadRun {
    return this.with({ timeout })
  }

  get spec(): PayloadSpec {
    return Payload.spec(this.payload, this.options)
  }

  /** Starts it, and goes on. */
  spawn(): Effect.Effect<RunningPayload, PayloadError | OutputFormatError, PayloadRunner> {
    return Effect.flatMap(PayloadRunner, (runner) => runner.start(this.spec))
  }

  /** Runs it to its end; stops it when interrupted. */
  run(): Effect.Effect<PayloadResult, PayloadError | OutputFormatError, PayloadRunner> {
    return Effect.flatMap(this.spawn(), (running) =>
      Effect.onInterrupt(running.result, () => Effect.ignore(running.stop))
    )
  }

  private with(change: PayloadRun["options"]): PayloadRun {
    return new PayloadRun(this.payload, { ...this.options, ...change })
  }
}
