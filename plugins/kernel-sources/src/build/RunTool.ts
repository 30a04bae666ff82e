/**
 * Runs programs that fetch and build kernels: make, tar, git.
 *
 * @since 0.1.0
 */
import { Command, CommandExecutor } from "@effect/platform"
import { KernelError } from "@ktstr/core/kernel"
import { Effect, Fiber, Stream } from "effect"

/**
 * @since 0.1.0
 * @category models
 */
export interface ToolOptions {
  /** The reason of a failure; default `Build`. */
  readonly reason?: KernelError["reason"] | undefined
  /** Added to the environment. Messages are the C locale's in any case. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Called with each line of standard output as it arrives. */
  readonly onLine?: ((line: string) => Effect.Effect<void>) | undefined
  /** Called with standard error as it arrives, in pieces of any size. */
  readonly onError?: ((text: string) => Effect.Effect<void>) | undefined
  /** Makes the program's complaint fit to be shown, e.g. removes a password. */
  readonly redact?: ((text: string) => string) | undefined
}

/** Returns the first error that a failed program printed, else its last line. */
const complaint = (lines: ReadonlyArray<string>): string =>
  (lines.find((line) => /\b(error|fatal)\b|\*\*\*/i.test(line)) ?? lines.at(-1) ?? "no output").trim()

/**
 * Runs a program to its end and returns the lines of its standard output. Fails with `WHAT failed: ` and the program's complaint. An interruption
 * ends the program.
 *
 * @since 0.1.0
 * @category constructors
 */
export const runTool: (
  what: string,
  program: string,
  args: ReadonlyArray<string>,
  options?: ToolOptions
) => Effect.Effect<ReadonlyArray<string>, KernelError, CommandExecutor.CommandExecutor> = Effect.fn("RunTool.run")(
  function* (what: string, program: string, args: ReadonlyArray<string>, options: ToolOptions = {}) {
    const executor = yield* CommandExecutor.CommandExecutor
    const redact = options.redact ?? ((text: string) => text)
    const failure = (why: string, cause?: unknown) =>
      new KernelError({ reason: options.reason ?? "Build", message: `${what} failed: ${redact(why)}`, cause })
    return yield* Effect.gen(function* () {
      const command = Command.make(program, ...args).pipe(Command.env({ LC_ALL: "C", ...options.env }))
      const process = yield* executor.start(command)
      const stderrLines = yield* Effect.fork(
        process.stderr.pipe(
          Stream.decodeText(),
          Stream.tap((text) => options.onError?.(text) ?? Effect.void),
          Stream.splitLines,
          Stream.runCollect
        )
      )
      const lines = yield* process.stdout.pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.tap((line) => options.onLine?.(line) ?? Effect.void),
        Stream.runCollect,
        Effect.map(Array.from<string>)
      )
      const stderr = Array.from(yield* Fiber.join(stderrLines))
      const code = yield* process.exitCode
      if (code !== 0) return yield* failure(complaint([...stderr, ...lines]))
      return lines
    }).pipe(
      Effect.scoped,
      Effect.mapError((cause) => (cause._tag === "KernelError" ? cause : failure(cause.message, cause)))
    )
  }
)
