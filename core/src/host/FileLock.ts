/**
 * Exclusive advisory locks between processes: flock(2), held by util-linux `flock(1)`, because JavaScript runtimes have no such call. The holder is a
 * child process that waits for the end of its standard input, so the lock is released however its owner ends.
 *
 * @since 0.1.0
 */
import { Command, CommandExecutor } from "@effect/platform"
import { Deferred, Effect, type Scope, Stream } from "effect"

/**
 * How long to wait for a lock.
 *
 * @since 0.1.0
 * @category models
 */
export interface FileLockOptions {
  /** Longest wait in seconds; 0: do not wait. Default 600. */
  readonly timeoutS?: number | undefined
  /** Runs once if another process holds the lock. */
  readonly onWait?: Effect.Effect<void> | undefined
}

/**
 * Holds the lock and removes its file before releasing it, so that a normal end leaves no file behind. If a waiter gets the lock on a file that has
 * been removed or replaced meanwhile, it reports `gone` and is started again. A directory is locked but not removed. The owner may die before it
 * reads the reply, which must not end the holder before its work is done.
 */
const holder = `
trap "" PIPE
[ -d "$0" ] && { echo locked; exec cat; }
for open in /proc/self/fd/*; do [ "$open" -ef "$0" ] && same=1; done
[ "$same" ] || { echo gone; exit; }
echo locked 2>/dev/null; cat; rm -f "$0"`

/** How long the holder may take to end once its input is closed. */
const releaseTimeout = "5 seconds"

/**
 * Holds the lock on `file` until the scope closes. An absent file is created, and removed with the lock; a directory is allowed too. Returns false if
 * the lock is unavailable (no `flock` program, read-only directory, timeout). Callers must be correct without the lock; it only avoids doing the same
 * work twice.
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
        // Runs before the executor's own finalizer, which kills the process. A holder that still waits for the lock is killed there.
        const release = Deferred.succeed(released, new Uint8Array(0))
        yield* Effect.addFinalizer(() => release)
        const reply = yield* process.stdout.pipe(Stream.decodeText(), Stream.splitLines, Stream.runHead)
        if (reply._tag === "Some" && reply.value === "locked") {
          yield* Effect.addFinalizer(() =>
            Effect.zipRight(release, process.exitCode).pipe(Effect.timeout(releaseTimeout), Effect.ignore)
          )
          return "locked"
        }
        return reply._tag === "Some" ? "gone" : "refused"
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
