/**
 * Runs an invocation: signals, errors and exit codes.
 *
 * @since 0.1.0
 */
import { writeSync } from "node:fs"
import { setImmediate } from "node:timers/promises"
import { ExitCode } from "@ktstr/core"
import { oneLine } from "@ktstr/core/base"
import { printable } from "@ktstr/core/protocol"
import { exitCodeOfError } from "@ktstr/core/report"
import { isScenarioError } from "@ktstr/core/scenario"
import { Cause, Effect, Exit, Fiber, Logger, LogLevel, Option } from "effect"
import { execute } from "./commands/index.ts"
import { type OutputFault, type RawIo, type StrayFault, standardStreams, watchForStrayFaults } from "./io/index.ts"
import { parse } from "./parse/index.ts"

/** Signals that end a command, with the code a shell would give it: 128 + the signal's number. */
const signals = {
  SIGHUP: ExitCode.hangup,
  SIGINT: ExitCode.interrupted,
  SIGTERM: ExitCode.terminated
} as const

/** Returns the message and the exit code of a command that failed. */
const describe = (cause: Cause.Cause<unknown>, verbose: boolean): { readonly text: string; readonly code: number } => {
  const failure = Cause.failureOption(cause)
  const error = Option.getOrElse(failure, () => Cause.squash(cause))
  // An error that a user's scenario throws is expected, too: it has its own exit code.
  const expected = Option.isSome(failure) || isScenarioError(error)
  const code = expected ? exitCodeOfError(error) : ExitCode.internal
  const message = error instanceof Error ? error.message || error.name : String(error)
  const trace = verbose ? `${Cause.pretty(cause, { renderErrorCause: true })}\n` : ""
  if (code !== ExitCode.internal) return { text: `ktstr: ${printable(message)}\n${printable(trace)}`, code }
  const hint = verbose ? "" : "; run it again with KTSTR_VERBOSE=1 for the details"
  return { text: `ktstr: internal error: ${printable(oneLine(message))}${hint}\n${printable(trace)}`, code }
}

/** Logs to standard error and overwrites a progress line there. Logs levels below warnings only with KTSTR_VERBOSE. */
const stderrLogger = (io: RawIo, verbose: boolean) => {
  const logger = Logger.make(({ logLevel, message }) => {
    const text = (Array.isArray(message) ? message : [message]).map(String).join(" ")
    const level = logLevel === LogLevel.Warning ? "warning" : logLevel.label.toLowerCase()
    io.rawErr.write(`${io.err.terminal ? "\r\u001b[K" : ""}${level}: ${text}\n`)
  })
  return [
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Logger.withMinimumLogLevel(verbose ? LogLevel.Debug : LogLevel.Warning)
  ] as const
}

/** Returns the exit code for a stream that can't be written to, or undefined if the command continues. */
const codeOfFault = ({ code, hungUp, stream }: OutputFault): ExitCode | undefined => {
  if (hungUp) return ExitCode.hangup
  if (code !== "EPIPE") return ExitCode.unwritable
  // Nobody reads the progress any more; the result may still have its reader.
  return stream === "standard output" ? ExitCode.brokenPipe : undefined
}

/**
 * Runs the words behind `ktstr` and sets the process's exit code. The first of SIGINT, SIGTERM and SIGHUP interrupts the
 * command, whose scopes then stop what it started; a second SIGINT or SIGTERM ends the process at once. An output stream that can't be written to
 * also interrupts it, and so does an uncaught error. The process ends with the command, even if a configuration left something running.
 *
 * @since 0.1.0
 * @category running
 */
export const main = async (argv: ReadonlyArray<string>): Promise<void> => {
  let ending: ExitCode | undefined
  let fiber: Fiber.RuntimeFiber<number, unknown> | undefined
  const unwritable: Array<string> = []
  let stray: StrayFault | undefined
  let endedByStray = false
  let checkFailed = false
  let code: number | undefined
  // Overrides any exit code that the user's vitest sets.
  process.once("exit", () => {
    if (code === undefined && ending === undefined) {
      writeSync(2, "ktstr: internal error: the command waits for an event that can no longer happen\n")
      code = ExitCode.internal
    }
    process.exitCode = code ?? ending ?? process.exitCode
  })
  const end = (cause: ExitCode) => {
    ending = cause
    if (fiber !== undefined) Effect.runFork(Fiber.interruptFork(fiber))
  }
  const onFault = (fault: OutputFault) => {
    const code = codeOfFault(fault)
    if (code === ExitCode.unwritable) unwritable.push(fault.message)
    if (code !== undefined && ending === undefined) end(code)
  }
  const { exit: exitNow } = watchForStrayFaults((fault) => {
    stray = fault
    if (ending !== undefined) return
    endedByStray = true
    end(fault.exitCode)
  })
  const output: RawIo = {
    ...standardStreams(onFault),
    signalled: () => ending ?? ExitCode.interrupted,
    stray: () => stray?.message,
    checkFailed: () => {
      checkFailed = true
    }
  }
  const verbose = (process.env.KTSTR_VERBOSE ?? "") !== ""
  const [log, level] = stderrLogger(output, verbose)
  // A write beyond `ulimit -f` is then an error like others, not the end.
  process.on("SIGXFSZ", () => undefined)
  const handlers = Object.entries(signals).map(([name, code]) => {
    const onSignal = () => {
      if (ending === undefined) return end(code)
      // A closing terminal sends SIGHUP more than once: the kernel to the session leader and to the foreground, a shell to its jobs.
      if (code !== ExitCode.hangup) exitNow(code)
    }
    process.on(name, onSignal)
    return [name, onSignal] as const
  })
  const command = Effect.flatMap(parse(argv), (invocation) => execute(invocation, output))
  fiber = Effect.runFork(command.pipe(log, level))
  const exit = await Effect.runPromise(Fiber.await(fiber))
  fiber = undefined
  // Node reports the last rejected promises only when it is idle.
  await setImmediate()
  await Effect.runPromise(Effect.zipRight(output.out.write(""), output.err.write("")))
  for (const [name, handler] of handlers) process.off(name, handler)
  const interrupted = ending !== undefined && (Exit.isSuccess(exit) || Cause.isInterrupted(exit.cause))
  let printed = false
  if (interrupted) {
    code = endedByStray && Exit.isSuccess(exit) && exit.value !== ExitCode.pass ? exit.value : ending
  } else if (Exit.isSuccess(exit)) {
    code = exit.value
  } else {
    const failed = describe(exit.cause, verbose)
    code = failed.code
    printed = true
    await Effect.runPromise(output.err.write(failed.text))
  }
  if (endedByStray && checkFailed) code = ExitCode.fail
  if (ending === ExitCode.unwritable) code = ending
  if (stray !== undefined && !printed) {
    if (code === ExitCode.pass) code = stray.exitCode
    await Effect.runPromise(output.err.write(`ktstr: ${printable(stray.message)}\n`))
  }
  for (const message of unwritable) await Effect.runPromise(output.err.write(`ktstr: ${message}\n`))
  // The user's vitest or a configuration may leave handles open.
  exitNow()
}
