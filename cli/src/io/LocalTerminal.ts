/**
 * This process's own streams, joined to a process in a guest.
 *
 * @since 0.1.0
 */
import { spawnSync } from "node:child_process"
import { Effect, Mailbox, Option, type Scope, Stream } from "effect"
import { inBackground } from "./JobControl.ts"

/**
 * Rows and columns of the terminal.
 *
 * @since 0.1.0
 * @category models
 */
export interface TerminalSize {
  readonly rows: number
  readonly columns: number
}

/**
 * @since 0.1.0
 * @category accessors
 */
export const terminalSize = (): TerminalSize => {
  const { columns = 0, rows = 0 } = process.stdout
  return columns > 0 && rows > 0 ? { rows, columns } : { rows: 24, columns: 80 }
}

/** As stty(1) tells it, from before raw mode; undefined while the terminal is not in it. */
let cooked: string | undefined

const stty = (...words: ReadonlyArray<string>): string =>
  spawnSync("stty", words, { stdio: ["inherit", "pipe", "ignore"], encoding: "utf8" }).stdout?.trim() ?? ""

/**
 * Whether the terminal is in raw mode, in which a new line alone does not begin at the left.
 *
 * @since 0.2.0
 * @category accessors
 */
export const isRaw = (): boolean => cooked !== undefined

/**
 * Puts the terminal into raw mode until the scope closes, or the process exits in whatever way it still can act on; and for as long as the process is
 * in the terminal's foreground: a job that is stopped gives the modes back, and takes them again when it goes on in the foreground.
 *
 * Not by Node: its raw mode turns \n into \r\n, which the guest's terminal has done already, or means not to be done, and puts the modes back at the end of a process in the
 * background, too, which stops it.
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
      // It may have been resized meanwhile; only the foreground hears of that.
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
 * Sizes after each change.
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
 * Standard input until its end; `onChunk` sees each chunk at once and says what of it counts. Unless it is a terminal, no more is read while a chunk waits
 * for its reader.
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
          // A file that can't be read, a terminal that hung up: there is no more input.
          stdin.on("error", onEnd)
          // Reading in the background would stop the job.
          const onContinue = () => void (inBackground() ? stdin.pause() : stdin.resume())
          if (stdin.isTTY) process.on("SIGCONT", onContinue)
          return () => {
            process.off("SIGCONT", onContinue)
            stdin.off("data", onData)
            stdin.off("end", onEnd)
            // The listener for errors stays: a terminal that hangs up later fails with nobody else to hear of it.
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
