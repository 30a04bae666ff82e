/**
 * Runs an invocation: signals, errors and exit codes.
 *
 * @since 0.1.0
 */
import { ExitCode, exitCodeOfError, oneLine } from "@ktstr/core"
import { Cause, Effect, Exit, Fiber, Logger, LogLevel, Option } from "effect"
import { type Invocation, parse } from "./Arguments.ts"
import type { CommandIo } from "./CommandIo.ts"
import { standardStreams } from "./Streams.ts"

/** Signals that end a command, with the code a shell would give it: 128 + the signal's number. */
const signals = {
  SIGHUP: ExitCode.hangup,
  SIGINT: ExitCode.interrupted,
  SIGTERM: ExitCode.terminated
} as const

const execute = (invocation: Invocation, output: CommandIo): Effect.Effect<number, unknown> => {
  switch (invocation.command) {
    case "run":
      return Effect.flatMap(load(import("./commands/Run.ts")), ({ run }) => run(invocation, output))
    case "test":
      return Effect.flatMap(load(import("./commands/Test.ts")), ({ test }) => test(invocation, output))
    case "explore":
      return Effect.flatMap(load(import("./commands/Explore.ts")), ({ explore }) => explore(invocation, output))
    case "replay":
      return Effect.flatMap(load(import("./commands/Replay.ts")), ({ replay }) => replay(invocation, output))
    case "demo":
      return Effect.flatMap(load(import("./commands/Demo.ts")), ({ demo }) => demo(invocation, output))
    case "exec":
      return Effect.flatMap(load(import("./commands/Exec.ts")), ({ exec }) => exec(invocation, output))
    case "shell":
      return Effect.flatMap(load(import("./commands/Shell.ts")), ({ shell }) => shell(invocation, output))
    case "list":
      return Effect.flatMap(load(import("./commands/List.ts")), ({ list }) => list(invocation, output))
    case "kernel fetch":
      return Effect.flatMap(load(import("./commands/Kernel.ts")), ({ kernelFetch }) => kernelFetch(invocation, output))
    case "kernel build":
      return Effect.flatMap(load(import("./commands/Kernel.ts")), ({ kernelBuild }) => kernelBuild(invocation, output))
    case "kernel list":
      return Effect.flatMap(load(import("./commands/KernelList.ts")), ({ kernelList }) =>
        kernelList(invocation, output)
      )
    case "kernel clean":
      return Effect.flatMap(load(import("./commands/KernelClean.ts")), ({ kernelClean }) =>
        kernelClean(invocation, output)
      )
    case "topo":
      return Effect.flatMap(load(import("./commands/Topo.ts")), ({ topo }) => topo(invocation, output))
    case "locks":
      return Effect.flatMap(load(import("./commands/Locks.ts")), ({ locks }) => locks(invocation, output))
    case "cleanup":
      return Effect.flatMap(load(import("./commands/Cleanup.ts")), ({ cleanup }) => cleanup(invocation, output))
    case "doctor":
      return Effect.flatMap(load(import("./commands/Doctor.ts")), ({ doctor }) => doctor(invocation, output))
  }
}

/** Each command is a chunk of its own, loaded when it is used. */
const load = <M>(module: Promise<M>): Effect.Effect<M> => Effect.promise(() => module)

/** What is printed for a command that failed, and its code. */
const describe = (cause: Cause.Cause<unknown>, verbose: boolean): { readonly text: string; readonly code: number } => {
  const failure = Cause.failureOption(cause)
  const error = Option.getOrElse(failure, () => Cause.squash(cause))
  const code = Option.isSome(failure) ? exitCodeOfError(error) : ExitCode.internal
  const message = error instanceof Error ? error.message || error.name : String(error)
  const trace = verbose ? `${Cause.pretty(cause, { renderErrorCause: true })}\n` : ""
  if (code !== ExitCode.internal) return { text: `ktstr: ${message}\n${trace}`, code }
  const hint = verbose ? "" : "; run it again with KTSTR_VERBOSE=1 for the details"
  return { text: `ktstr: internal error: ${oneLine(message)}${hint}\n${trace}`, code }
}

/** Logs go to standard error, over a progress line that may stand there. Below warnings only with KTSTR_VERBOSE. */
const stderrLogger = (io: CommandIo, verbose: boolean) => {
  const logger = Logger.make(({ logLevel, message }) => {
    const text = (Array.isArray(message) ? message : [message]).map(String).join(" ")
    const level = logLevel === LogLevel.Warning ? "warning" : logLevel.label.toLowerCase()
    Effect.runSync(io.err.write(`${io.err.terminal ? "\r\u001b[K" : ""}${level}: ${text}\n`))
  })
  return [
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Logger.withMinimumLogLevel(verbose ? LogLevel.Debug : LogLevel.Warning)
  ] as const
}

/**
 * Runs the words behind `ktstr` and sets the process's exit code. The first of SIGINT, SIGTERM and SIGHUP interrupts the
 * command, whose scopes then stop what it started; the second ends the process at once.
 *
 * @since 0.1.0
 * @category running
 */
export const main = async (argv: ReadonlyArray<string>): Promise<void> => {
  let signalled: ExitCode | undefined
  const output: CommandIo = { ...standardStreams(), signalled: () => signalled ?? ExitCode.interrupted }
  const verbose = (process.env.KTSTR_VERBOSE ?? "") !== ""
  const [log, level] = stderrLogger(output, verbose)
  const command = Effect.flatMap(parse(argv), (invocation) => execute(invocation, output))
  const fiber = Effect.runFork(command.pipe(log, level))
  const interrupt = (code: ExitCode) => {
    if (signalled !== undefined) process.exit(code)
    signalled = code
    Effect.runFork(Fiber.interruptFork(fiber))
  }
  const handlers = Object.entries(signals).map(([name, code]) => [name, () => interrupt(code)] as const)
  for (const [name, handler] of handlers) process.on(name, handler)
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error
    if (signalled === undefined) interrupt(ExitCode.brokenPipe)
  })
  process.stderr.on("error", () => undefined)
  const exit = await Effect.runPromise(Fiber.await(fiber))
  for (const [name, handler] of handlers) process.off(name, handler)
  if (Exit.isSuccess(exit)) {
    process.exitCode = signalled ?? exit.value
  } else if (signalled !== undefined && Cause.isInterrupted(exit.cause)) {
    process.exitCode = signalled
  } else {
    const { text, code } = describe(exit.cause, verbose)
    process.exitCode = code
    await Effect.runPromise(output.err.write(text))
  }
}
