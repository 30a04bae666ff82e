/**
 * Boots a guest for `exec` and `shell`, runs one process in it, and connects it to this process's streams.
 *
 * @since 0.1.0
 */

import { ExitCode } from "@ktstr/core"
import { printable } from "@ktstr/core/protocol"
import { bootInteractive } from "@ktstr/core/run"
import { type GuestLost, type GuestProcess, type ProcessEnd, runProcess } from "@ktstr/core/session"
import { layerHarness, loadPlugins } from "@ktstr/harness"
import { Deferred, Effect, type Scope, Stream } from "effect"
import { chosenKernel, oneKernel } from "../choose/index.ts"
import {
  isRaw,
  makeEscapeKeys,
  type RawIo,
  rawMode,
  resizes,
  standardInput,
  terminalSize,
  writeBytes
} from "../io/index.ts"
import { Settings, type Values } from "../parse/index.ts"

/** A shell's exit codes for a program that doesn't exist, and for one that can't be run. */
const notFound = 127
const notRunnable = 126
const noSuchFile = 2

const exitCodeOf = (end: ProcessEnd): number => {
  switch (end._tag) {
    case "Exited":
      return end.code
    case "Signaled":
      return 128 + end.signal
    case "TimedOut":
      return ExitCode.fail
    case "NotRun":
      return end.errno === noSuchFile ? notFound : notRunnable
  }
}

/** Feeds standard input to the process. Runs `kill` for the terminal's escape keys. */
const feed = (
  process: GuestProcess,
  terminal: boolean,
  kill: Effect.Effect<unknown>
): Effect.Effect<void, GuestLost, Scope.Scope> => {
  const keys = makeEscapeKeys()
  const input = terminal
    ? standardInput((bytes) => {
        const { forGuest, kill: killRequested } = keys.filter(bytes)
        if (killRequested) Effect.runFork(kill)
        return forGuest
      })
    : standardInput()
  return Effect.zipRight(Stream.runForEach(input, process.write), process.endInput)
}

/** Connects the streams until the process has ended and all its output is written. */
const connectStreams = (guestProcess: GuestProcess, terminal: boolean, input: boolean, io: RawIo) =>
  Effect.gen(function* () {
    const killed = yield* Deferred.make<void>()
    if (terminal) {
      yield* rawMode
      yield* Effect.forkScoped(Stream.runForEach(resizes, guestProcess.resize))
    }
    if (input) yield* Effect.forkScoped(feed(guestProcess, terminal, Deferred.succeed(killed, undefined)))
    const finished = Effect.zipRight(
      Stream.runForEach(guestProcess.output, ({ stream, bytes }) =>
        writeBytes(stream === "out" ? io.rawOut : io.rawErr, bytes)
      ),
      guestProcess.end
    )
    return yield* Effect.raceFirst(finished, Effect.as(Deferred.await(killed), "killed" as const))
  }).pipe(Effect.scoped)

/**
 * Boots a guest as the options say, runs the program in it, and returns the exit code. With `terminal`, the program gets this terminal.
 *
 * @since 0.1.0
 * @category running
 */
export const runInGuest = (
  command: "exec" | "shell",
  values: Values<"exec">,
  program: { readonly argv: ReadonlyArray<string>; readonly terminal: boolean; readonly input: boolean },
  io: RawIo
) =>
  Effect.gen(function* () {
    yield* oneKernel(command, values.kernel)
    const topology = yield* Settings.topology(values.topology, values.preset)
    const memoryMb = yield* Settings.memoryMb(values.memory)
    const scratchDiskMb = yield* Settings.ifGiven(values["scratch-disk"], (text) =>
      Settings.wholeNumber("--scratch-disk", text, 1, 2 ** 20)
    )
    const bootTimeoutMs = yield* Settings.bootTimeoutMs(values["boot-timeout"])
    const kargs = yield* Settings.kernelArguments("--kargs", values.kargs)
    const plugins = yield* loadPlugins(process.cwd())
    const line = (text: string) => io.err.write(isRaw() ? `${text}\r\n` : `${text}\n`)
    return yield* Effect.gen(function* () {
      const kernel = yield* chosenKernel(command, values.kernel, values.yes, io)
      const guest = yield* bootInteractive({
        topology,
        kernel,
        memoryMb,
        scratchDiskMb,
        includes: values["include-files"],
        kargs,
        bootTimeoutMs,
        onWarning: (text) => line(text.startsWith("warning: ") ? text : `warning: ${text}`),
        onConsoleLine: values.dmesg ? line : undefined
      })
      const guestProcess = yield* runProcess(guest, {
        argv: program.argv,
        directory: "/root",
        environment: { TERM: process.env.TERM ?? "dumb", PS1: `ktstr ${topology}:\\w\\$ ` },
        terminal: program.terminal ? terminalSize() : undefined,
        input: program.input
      })
      const end = yield* connectStreams(guestProcess, program.terminal, program.input, io)
      if (end === "killed") {
        yield* io.err.write("\nktstr: the guest was killed by Ctrl-] q\n")
        return ExitCode.interrupted
      }
      if (end._tag === "NotRun")
        yield* io.err.write(`ktstr: can't run ${program.argv[0]} in the guest: ${printable(end.message)}\n`)
      return exitCodeOf(end)
    }).pipe(Effect.scoped, Effect.provide(layerHarness({ backend: values.vmm, plugins })))
  })
