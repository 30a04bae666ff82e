/**
 * Output formats of `ktstr run` and `ktstr test`.
 *
 * @since 0.1.0
 */
import { Cause, Context, Data, type Duration, Effect, Layer, Option, Scope } from "effect"
import { checkRegistration, oneLine, type Registrable, type RegistrationError } from "../base/index.ts"
import type { RunEvent, RunResult } from "../run/index.ts"
import { DuplicateReporter } from "./DuplicateReporter.ts"
import type { ExitCode } from "./ExitCode.ts"

/**
 * Where a reporter writes. The result goes to `out`, everything else to `err`; texts carry their own line ends.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReporterStream {
  readonly write: (text: string) => Effect.Effect<void>
  /** A line can be redrawn. */
  readonly terminal: boolean
  /** Colours are wanted: NO_COLOR, FORCE_COLOR and the terminal are already weighed. */
  readonly color: boolean
  /** Width in characters; 80 where nobody knows. */
  readonly columns: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ReporterOutput {
  readonly out: ReporterStream
  readonly err: ReporterStream
  /** Failures are shown whole, however long they are. Default: what fits on a screen. */
  readonly verbose?: boolean | undefined
}

/**
 * What gave no result in a session that went on.
 *
 * @since 0.2.0
 * @category models
 */
export interface SessionError {
  /** Of the test, or the path of the file from the working directory. */
  readonly name: string
  readonly message: string
  /** What the error alone would end the command with. */
  readonly exitCode: number
}

/**
 * How a session ended. The command prints the message of an interruption or an error on its standard error by itself;
 * reporters of machine-readable formats put it into their output.
 *
 * @since 0.1.0
 * @category models
 */
export type SessionEnd = Data.TaggedEnum<{
  /** `errors`: what gave no result, such as a file of tests that does not load. */
  Complete: { readonly errors?: ReadonlyArray<SessionError> | undefined }
  /** A signal ended it while `scenario` ran. */
  Interrupted: { readonly scenario: string; readonly message: string; readonly exitCode: ExitCode }
  /** `scenario` could not be brought to a result. */
  Failed: { readonly scenario: string; readonly message: string; readonly exitCode: ExitCode }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const SessionEnd: Data.TaggedEnum.Constructor<SessionEnd> = Data.taggedEnum<SessionEnd>()

/**
 * What a reporter does at the points of a session. Every hook is optional. A hook that fails, throws, or has not ended after 30 seconds costs a
 * warning on `err`, never the run.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReporterHooks {
  /** For each event of each run, in order; the next one waits for it, so it should be quick. */
  readonly onEvent?: (event: RunEvent) => Effect.Effect<void, unknown>
  /** After each run that came to a result. */
  readonly onResult?: (result: RunResult) => Effect.Effect<void, unknown>
  /** Once, when no run follows; `results` in the order of the runs. */
  readonly onEnd?: (results: ReadonlyArray<RunResult>, end: SessionEnd) => Effect.Effect<void, unknown>
}

/**
 * An output format.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reporter {
  /** As `--format` names it. */
  readonly name: string
  /** One line for listings. */
  readonly description: string
  /** Begins a session, which ends with the scope. */
  readonly make: (output: ReporterOutput) => Effect.Effect<ReporterHooks, unknown, Scope.Scope>
}

/**
 * The formats there are.
 *
 * @since 0.1.0
 * @category services
 */
export class Reporters extends Context.Tag("@ktstr/core/Reporters")<
  Reporters,
  {
    readonly register: (reporter: Reporter) => Effect.Effect<void, DuplicateReporter | RegistrationError>
    readonly get: (name: string) => Effect.Effect<Option.Option<Reporter>>
    /** In the order of their names. */
    readonly all: Effect.Effect<ReadonlyArray<Reporter>>
  }
>() {}

const registrable: Registrable = {
  kind: "reporter",
  maker: "Reporter.plugin({ name, description, make })",
  fields: { name: "name", description: "string", make: "function" }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const makeReporters: Effect.Effect<typeof Reporters.Service> = Effect.sync(() => {
  const known = new Map<string, Reporter>()
  return {
    register: (reporter) =>
      Effect.zipRight(
        checkRegistration(reporter, registrable),
        Effect.suspend(() => {
          if (known.has(reporter.name)) return Effect.fail(new DuplicateReporter({ name: reporter.name }))
          known.set(reporter.name, reporter)
          return Effect.void
        })
      ),
    get: (name) => Effect.sync(() => Option.fromNullable(known.get(name))),
    all: Effect.sync(() => [...known.values()].sort((a, b) => (a.name < b.name ? -1 : 1)))
  }
})

/**
 * An empty registry, for plugins to register in.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerReporters: Layer.Layer<Reporters> = Layer.effect(Reporters, makeReporters)

/**
 * @since 0.1.0
 * @category constructors
 */
export const Reporter: {
  /** Registers a format. */
  readonly plugin: (reporter: Reporter) => Layer.Layer<never, DuplicateReporter | RegistrationError, Reporters>
} = {
  plugin: (reporter) => Layer.effectDiscard(Effect.flatMap(Reporters, (reporters) => reporters.register(reporter)))
}

/**
 * The hooks of a session as the runner calls them: all there, none of them can fail.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReporterSession {
  readonly onEvent: (event: RunEvent) => Effect.Effect<void>
  readonly onResult: (result: RunResult) => Effect.Effect<void>
  readonly onEnd: (results: ReadonlyArray<RunResult>, end: SessionEnd) => Effect.Effect<void>
}

/** Longest that the run waits for a hook. */
const longest: Duration.DurationInput = "30 seconds"

/** A reporter's stack is its author's concern. */
const messageOf = (cause: Cause.Cause<unknown>): string => {
  if (Cause.isInterruptedOnly(cause)) return "it interrupts itself"
  const error = Cause.squash(cause)
  return oneLine(error instanceof Error ? error.message || error.name : String(error))
}

/**
 * Begins a session of a reporter and contains its errors: a hook that goes wrong warns once on `err`, and is not called
 * again.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openReporter = (
  reporter: Reporter,
  output: ReporterOutput
): Effect.Effect<ReporterSession, never, Scope.Scope> =>
  Effect.gen(function* () {
    const broken = new Set<string>()
    const contain = (hook: string, body: () => Effect.Effect<void, unknown> | undefined): Effect.Effect<void> =>
      broken.has(hook)
        ? Effect.void
        : Effect.suspend(() => {
            const made: unknown = body() ?? Effect.void
            return Effect.isEffect(made)
              ? (made as Effect.Effect<void, unknown>)
              : Effect.die(new Error("it gives what is no Effect"))
          }).pipe(
            Effect.disconnect,
            Effect.timeoutFail({
              duration: longest,
              onTimeout: () => new Error(`it has not ended after ${longest}`)
            }),
            // The run's own interruption does not come here.
            Effect.catchAllCause((cause) => {
              broken.add(hook)
              return output.err.write(
                `warning: reporter '${reporter.name}' failed in ${hook}, the run goes on without it: ${messageOf(cause)}\n`
              )
            })
          )
    let hooks: ReporterHooks = {}
    const opened = Effect.tap(
      Effect.suspend(() => reporter.make(output)),
      (made) =>
        Effect.sync(() => {
          if (typeof made !== "object" || made === null) throw new Error("it gives no hooks")
          hooks = made
        })
    )
    const scope = yield* Effect.scope
    yield* contain("make", () => Effect.provideService(opened, Scope.Scope, scope))
    return {
      onEvent: (event) => contain("onEvent", () => hooks.onEvent?.(event)),
      onResult: (result) => contain("onResult", () => hooks.onResult?.(result)),
      onEnd: (results, end) => contain("onEnd", () => hooks.onEnd?.(results, end))
    }
  })
