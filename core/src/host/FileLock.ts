/**
 * Exclusive advisory locks between processes: flock(2), held by util-linux `flock(1)` because the JavaScript runtimes lack the call.
 * The holder is a child that waits for the end of its standard input, so the lock is freed however its owner ends.
 *
 * @since 0.1.0
 */
import { Command, CommandExecutor } from "@effect/platform"
import { Deferred, Effect, type Scope, Stream } from "effect"

/**
 * @since 0.1.0
 * @category models
 */
export interface FileLockOptions {
  /** Longest wait in seconds; 0: none. Default 600. */
  readonly timeoutS?: number | undefined
  /** Runs once when another process has the lock. */
  readonly onWait?: Effect.Effect<void> | undefined
}

/**
 * Takes away a lock file while it holds the lock, so that none is left of what ended as it should. Whoever waited for the file that was
 * taken away finds its name gone or another's, says so, and is started anew. A directory is locked as it is. The owner may be dead before it
 * hears of the lock, which must not end the holder before its work is done.
 */
const holder = `
trap "" PIPE
[ -d "$0" ] && { echo locked; exec cat; }
for open in /proc/self/fd/*; do [ "$open" -ef "$0" ] && same=1; done
[ "$same" ] || { echo gone; exit; }
echo locked 2>/dev/null; cat; rm -f "$0"`

/** How long the holder may take to end when it is told to. */
const releaseTimeout = "5 seconds"

/**
 * Holds the lock on `file` until the scope closes. A file is created when absent and removed with the lock; a directory may be given
 * as well. Succeeds with false where the lock cannot be had at all (no `flock` program, read-only directory, a longer wait than was allowed):
 * callers must be correct without it and use it only to avoid doing the same work twice.
 *
 * @since 0.1.0
 * @category constructors
 */
export const acquireFileLock: (
  file: string,
  options?: FileLockOptions
) => Effect.Effect<boolean, never, CommandExecutor.CommandExecutor | Scope.Scope> = Effect.fn("FileLock.acquire")(
  function* (file: string, options?: FileLockOptions) {
    const executor = yield* CommandExecutor.CommandExecutor
    const attempt = (...flags: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const released = yield* Deferred.make<Uint8Array>()
        const process = yield* executor.start(
          Command.make("flock", "--no-fork", "--exclusive", ...flags, file, "sh", "-c", holder, file).pipe(
            Command.stdin(Stream.fromEffect(Deferred.await(released))),
            Command.stderr("pipe")
          )
        )
        // Before the executor's own finalizer, which kills; whoever still waits for the lock is left to that.
        const release = Deferred.succeed(released, new Uint8Array(0))
        yield* Effect.addFinalizer(() => release)
        const said = yield* process.stdout.pipe(Stream.decodeText(), Stream.splitLines, Stream.runHead)
        if (said._tag === "Some" && said.value === "locked") {
          yield* Effect.addFinalizer(() =>
            Effect.zipRight(release, process.exitCode).pipe(Effect.timeout(releaseTimeout), Effect.ignore)
          )
          return "locked"
        }
        return said._tag === "Some" ? "gone" : "refused"
      }).pipe(Effect.orElseSucceed(() => "refused" as const))
    const untilDecided = (...flags: ReadonlyArray<string>) =>
      Effect.repeat(attempt(...flags), { while: (outcome) => outcome === "gone" })
    if ((yield* untilDecided("--nonblock")) === "locked") return true
    const timeoutS = options?.timeoutS ?? 600
    if (timeoutS === 0) return false
    if (options?.onWait !== undefined) yield* options.onWait
    return (yield* untilDecided("--timeout", String(timeoutS))) === "locked"
  }
)
