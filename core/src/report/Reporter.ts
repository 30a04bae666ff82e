/**
 * Output formats of `ktstr run` and `ktstr test`.
 *
 * @since 0.1.0
 */
import { Cause, Context, Data, type Duration, Effect, Layer, Scope } from "effect"
import {
  makeRegistry,
  OptionError,
  type OptionNames,
  oneLine,
  pluginEffect,
  type RegisterError,
  type Registrable,
  type Registry,
  registering,
  unknownOption
} from "../base/index.ts"
import type { RunEvent, RunResult } from "../run/index.ts"
import type { ExitCode } from "./ExitCode.ts"
import { UnknownReporter } from "./UnknownReporter.ts"

/**
 * A stream that reporters write to: the result goes to `out`, everything else to `err`. Texts include their line ends.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReporterStream {
  readonly write: (text: string) => Effect.Effect<void>
  /** Whether lines can be redrawn. */
  readonly terminal: boolean
  /** Whether to use colours; already takes NO_COLOR, FORCE_COLOR and the terminal into account. */
  readonly color: boolean
  /** Width in characters; 80 if unknown. */
  readonly columns: number
}

/**
 * The streams and options of a reporter.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReporterOutput {
  readonly out: ReporterStream
  readonly err: ReporterStream
  /** Show failures in full, however long they are. Default: as much as fits on a screen. */
  readonly verbose?: boolean | undefined
}

/**
 * A test that gave no result, while the session continued.
 *
 * @since 0.2.0
 * @category models
 */
export interface SessionError {
  /** Name of the test, or path of the file relative to the working directory. */
  readonly name: string
  readonly message: string
  /** The exit code of the command if this were the only error. */
  readonly exitCode: number
}

/**
 * How a session ended. The command itself prints the message of an interruption or error on standard error; reporters of machine-readable formats
 * include it in their output.
 *
 * @since 0.1.0
 * @category models
 */
export type SessionEnd = Data.TaggedEnum<{
  /** `errors` lists what gave no result, such as a test file that does not load. */
  Complete: { readonly errors?: ReadonlyArray<SessionError> | undefined }
  /** A signal ended the session while `scenario` ran. */
  Interrupted: { readonly scenario: string; readonly message: string; readonly exitCode: ExitCode }
  /** `scenario` gave no result. */
  Failed: { readonly scenario: string; readonly message: string; readonly exitCode: ExitCode }
}>

/**
 * Constructors of the ends of a session.
 *
 * @since 0.1.0
 * @category constructors
 */
export const SessionEnd: Data.TaggedEnum.Constructor<SessionEnd> = Data.taggedEnum<SessionEnd>()

/**
 * What a reporter does during a session. Every hook is optional. If a hook fails, throws, or takes longer than 30 seconds, `err` gets a warning and
 * the run continues.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReporterHooks {
  /** Runs for each event of each run, in order. The next event waits for it, so it should be quick. */
  readonly onEvent?: (event: RunEvent) => Effect.Effect<void, unknown>
  /** Runs after each run that gave a result. */
  readonly onResult?: (result: RunResult) => Effect.Effect<void, unknown>
  /** Runs once, after the last run; `results` are in the order of the runs. */
  readonly onEnd?: (results: ReadonlyArray<RunResult>, end: SessionEnd) => Effect.Effect<void, unknown>
}

/**
 * An output format.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reporter {
  /** Its name in `--format`. */
  readonly name: string
  /** One line for listings. */
  readonly description: string
  /** Opens a session, which ends with the scope. */
  readonly make: (output: ReporterOutput) => Effect.Effect<ReporterHooks, unknown, Scope.Scope>
}

/**
 * The registered output formats.
 *
 * @since 0.1.0
 * @category services
 */
export class Reporters extends Context.Tag("@ktstr/core/Reporters")<Reporters, Registry<Reporter, UnknownReporter>>() {}

const registrable: Registrable = {
  kind: "reporter",
  maker: "Reporter.plugin({ name, description, make })",
  fields: { name: "name", description: "string", make: "function" }
}

/**
 * An empty registry.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeReporters: Effect.Effect<typeof Reporters.Service> = makeRegistry<Reporter, UnknownReporter>({
  what: registrable,
  unknown: (name, hint) => new UnknownReporter({ name, message: `unknown format '${name}'${hint}` })
})

/**
 * Provides an empty registry, in which plugins register.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerReporters: Layer.Layer<Reporters> = Layer.effect(Reporters, makeReporters)

/**
 * Functions for plugins that add an output format.
 *
 * @since 0.1.0
 * @category constructors
 */
export const Reporter: {
  /** Registers a format. */
  readonly plugin: (reporter: Reporter) => Layer.Layer<never, RegisterError, Reporters>
} = {
  plugin: (reporter) => registering(Reporters, registrable, [reporter])
}

/**
 * The hooks of a session as the runner calls them: all present, and none can fail.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReporterSession {
  readonly onEvent: (event: RunEvent) => Effect.Effect<void>
  readonly onResult: (result: RunResult) => Effect.Effect<void>
  readonly onEnd: (results: ReadonlyArray<RunResult>, end: SessionEnd) => Effect.Effect<void>
}

const hookNames: OptionNames<ReporterHooks> = { onEvent: true, onResult: true, onEnd: true }

/** Returns the first hook that nothing calls. A reporter may keep other things of its own beside its hooks. */
const unknownHook = (made: object): string | undefined => {
  const hooks = Object.fromEntries(Object.entries(made).filter(([name]) => /^on[A-Z]/.test(name)))
  return unknownOption(hooks, Object.keys(hookNames))?.replace("option", "hook")
}

/** Longest time that the run waits for a hook. */
const longest: Duration.DurationInput = "30 seconds"

/** Returns the message of a failed hook without its stack, which matters only to the reporter's author. */
const messageOf = (cause: Cause.Cause<unknown>): string => {
  if (Cause.isInterruptedOnly(cause)) return "it interrupts itself"
  const error = Cause.squash(cause)
  return oneLine(error instanceof Error ? error.message || error.name : String(error))
}

/**
 * Opens a session of a reporter and contains its errors: a failing hook causes one warning on `err` and is not called again. Fails only if the reporter
 * has a hook whose name is unknown.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openReporter = (
  reporter: Reporter,
  output: ReporterOutput
): Effect.Effect<ReporterSession, OptionError, Scope.Scope> =>
  Effect.gen(function* () {
    const broken = new Set<string>()
    const contain = (hook: string, body: () => Effect.Effect<void, unknown> | undefined): Effect.Effect<void> =>
      broken.has(hook)
        ? Effect.void
        : pluginEffect(() => body() ?? Effect.void).pipe(
            Effect.disconnect,
            Effect.timeoutFail({
              duration: longest,
              onTimeout: () => new Error(`it has not ended after ${longest}`)
            }),
            // An interruption of the run itself is not caught here.
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
    const unknown = unknownHook(hooks)
    if (unknown !== undefined) return yield* new OptionError({ message: `reporter '${reporter.name}': ${unknown}` })
    return {
      onEvent: (event) => contain("onEvent", () => hooks.onEvent?.(event)),
      onResult: (result) => contain("onResult", () => hooks.onResult?.(result)),
      onEnd: (results, end) => contain("onEnd", () => hooks.onEnd?.(results, end))
    }
  })
