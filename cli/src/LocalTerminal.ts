/**
 * This process's own streams, joined to a process in a guest.
 *
 * @since 0.1.0
 */
import { spawnSync } from "node:child_process"
import { Effect, Mailbox, Option, type Scope, Stream } from "effect"

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

/**
 * Puts the terminal into raw mode until the scope closes, or the process exits in whatever way it still can act on.
 *
 * @since 0.1.0
 * @category resources
 */
export const rawMode: Effect.Effect<void, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => {
    const restore = () => void process.stdin.setRawMode(false)
    process.stdin.setRawMode(true)
    // Node's raw mode still turns \n into \r\n, which the guest's terminal has done already, or means not to be done.
    spawnSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] })
    process.once("exit", restore)
    return restore
  }),
  (restore) =>
    Effect.sync(() => {
      process.off("exit", restore)
      restore()
    })
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
          return () => {
            stdin.off("data", onData)
            stdin.off("end", onEnd)
            stdin.off("error", onEnd)
            stdin.pause()
          }
        }),
        (stop) => Effect.sync(stop)
      )
      return Stream.unfoldEffect(undefined, () =>
        Effect.zipRight(
          Effect.sync(() => {
            if (stdin.isPaused()) stdin.resume()
          }),
          Effect.optionFromOptional(chunks.take)
        ).pipe(Effect.map(Option.map((chunk) => [chunk, undefined] as const)))
      )
    })
  )

/**
 * Writes bytes as they are; done when the stream has taken them.
 *
 * @since 0.1.0
 * @category writing
 */
export const writeBytes = (stream: NodeJS.WriteStream, bytes: Uint8Array): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    if (!stream.writable) return resume(Effect.void)
    // A reader that went away is Main's to notice.
    stream.write(bytes, () => resume(Effect.void))
  })
