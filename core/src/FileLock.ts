/**
 * Exclusive advisory locks between processes: flock(2), held by util-linux `flock(1)` because the JavaScript runtimes lack the call.
 * The holder is a child that waits for the end of its standard input, so the kernel frees the lock however its owner ends.
 *
 * @since 0.1.0
 */
import { Command, CommandExecutor } from "@effect/platform"
import { Deferred, Effect, type Scope, Stream } from "effect"

/**
 * Holds the lock on `file` (created when absent, never removed) until the scope closes. `onWait` runs once when another process
 * has it. Succeeds with false where the lock cannot be had at all (no `flock` program, read-only directory, more than `timeoutS` seconds):
 * callers must be correct without it and use it only to avoid doing the same work twice.
 *
 * @since 0.1.0
 * @category constructors
 */
export const acquireFileLock: (
  file: string,
  options?: { readonly timeoutS?: number; readonly onWait?: Effect.Effect<void> }
) => Effect.Effect<boolean, never, CommandExecutor.CommandExecutor | Scope.Scope> = Effect.fn("FileLock.acquire")(
  function* (file: string, options?: { readonly timeoutS?: number; readonly onWait?: Effect.Effect<void> }) {
    const executor = yield* CommandExecutor.CommandExecutor
    // The executor feeds standard input from a daemon fiber: it must be told when the lock is given up, or it outlives the scope.
    const released = yield* Deferred.make<Uint8Array>()
    yield* Effect.addFinalizer(() => Deferred.succeed(released, new Uint8Array(0)))
    const attempt = (...flags: ReadonlyArray<string>) =>
      executor
        .start(
          Command.make("flock", ...flags, file, "sh", "-c", "echo locked; exec cat").pipe(
            Command.stdin(Stream.fromEffect(Deferred.await(released))),
            Command.stderr("pipe")
          )
        )
        .pipe(
          Effect.flatMap((holder) => Stream.runHead(Stream.decodeText(holder.stdout))),
          Effect.map((head) => head._tag === "Some"),
          Effect.orElseSucceed(() => false)
        )
    if (yield* attempt("--exclusive", "--nonblock")) return true
    if (options?.onWait !== undefined) yield* options.onWait
    return yield* attempt("--exclusive", "--timeout", String(options?.timeoutS ?? 600))
  }
)
