/**
 * Connects this process's terminal and standard input to a process in a guest.
 *
 * @since 0.1.0
 */
import { spawnSync } from "node:child_process"
import { Effect, Mailbox, Option, type Scope, Stream } from "effect"
import { inBackground } from "./JobControl.ts"

/**
 * Holds the rows and columns of a terminal.
 *
 * @since 0.1.0
 * @category models
 */
export interface TerminalSize {
  readonly rows: number
  readonly columns: number
}

/**
 * Returns the size of the terminal at standard output, or 24 by 80.
 *
 * @since 0.1.0
 * @category accessors
 */
export const terminalSize = (): TerminalSize => {
  const { columns = 0, rows = 0 } = process.stdout
  return columns > 0 && rows > 0 ? { rows, columns } : { rows: 24, columns: 80 }
}

/** Holds the modes from before raw mode, as stty(1) prints them. Undefined: the terminal is not in raw mode. */
let cooked: string | undefined

const stty = (...words: ReadonlyArray<string>): string =>
  spawnSync("stty", words, { stdio: ["inherit", "pipe", "ignore"], encoding: "utf8" }).stdout?.trim() ?? ""

/**
 * Returns whether the terminal is in raw mode. A line feed then doesn't return to the left margin.
 *
 * @since 0.2.0
 * @category accessors
 */
export const isRaw = (): boolean => cooked !== undefined

/**
 * Puts the terminal into raw mode until the scope closes or the process exits. A job that is stopped restores the modes, and sets raw mode again when
 * it continues in the foreground.
 *
 * It doesn't use Node's raw mode, which turns \n into \r\n although the guest's terminal has decided that already, and which restores the modes even
 * from the background, where that stops the process.
 *
 * @since 0.1.0
 * @category resources
 */
export const rawMode: Effect.Effect<void, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => {
    let before: string | undefined
    const enter = () => {
      if (inBackground()) return
      before ??= stty("-g")
      cooked = before
      stty("raw", "-echo", "-iexten")
    }
    const leave = () => {
      if (cooked !== undefined && !inBackground()) stty(cooked)
      cooked = undefined
    }
    const onStop = () => {
      leave()
      process.kill(process.pid, "SIGSTOP")
    }
    const onContinue = () => {
      enter()
      // The terminal may have been resized meanwhile: only the foreground gets SIGWINCH.
      process.emit("SIGWINCH", "SIGWINCH")
    }
    process.on("SIGTSTP", onStop)
    process.on("SIGCONT", onContinue)
    process.once("exit", leave)
    enter()
    return () => {
      process.off("SIGTSTP", onStop)
      process.off("SIGCONT", onContinue)
      process.off("exit", leave)
      leave()
    }
  }),
  (restore) => Effect.sync(restore)
).pipe(Effect.asVoid)

/**
 * Emits the new size after each resize.
 *
 * @since 0.1.0
 * @category streams
 */
export const resizes: Stream.Stream<TerminalSize> = Stream.asyncPush<TerminalSize>(
  (emit) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const onResize = () => void emit.single(terminalSize())
        process.stdout.on("resize", onResize)
        return onResize
      }),
      (onResize) => Effect.sync(() => void process.stdout.off("resize", onResize))
    ),
  { bufferSize: "unbounded" }
)

/**
 * Reads standard input to its end. `onChunk` gets each chunk at once and returns the bytes to keep. Unless input is a terminal, nothing more is read
 * while a chunk waits for its reader.
 *
 * @since 0.1.0
 * @category streams
 */
export const standardInput = (
  onChunk: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes
): Stream.Stream<Uint8Array> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const { stdin } = process
      const chunks = yield* Mailbox.make<Uint8Array>()
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const onData = (bytes: Uint8Array) => {
            if (!stdin.isTTY) stdin.pause()
            chunks.unsafeOffer(onChunk(bytes))
          }
          const onEnd = () => void Effect.runFork(chunks.end)
          stdin.on("data", onData)
          stdin.on("end", onEnd)
          // The file can't be read or the terminal hung up: there is no more input.
          stdin.on("error", onEnd)
          // Reading in the background would stop the job.
          const onContinue = () => void (inBackground() ? stdin.pause() : stdin.resume())
          if (stdin.isTTY) process.on("SIGCONT", onContinue)
          return () => {
            process.off("SIGCONT", onContinue)
            stdin.off("data", onData)
            stdin.off("end", onEnd)
            // The error listener stays: a terminal that hangs up later would otherwise raise an uncaught error.
            stdin.pause()
          }
        }),
        (stop) => Effect.sync(stop)
      )
      return Stream.unfoldEffect(undefined, () =>
        Effect.zipRight(
          Effect.sync(() => {
            if (stdin.isPaused() && !(stdin.isTTY && inBackground())) stdin.resume()
          }),
          Effect.optionFromOptional(chunks.take)
        ).pipe(Effect.map(Option.map((chunk) => [chunk, undefined] as const)))
      )
    })
  )
