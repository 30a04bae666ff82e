/**
 * Signs of life of a command that prints a line rarely, where no terminal shows its progress.
 *
 * @since 0.2.0
 */
import type { ReporterStream } from "@ktstr/core/report"
import { Clock, Effect, type Scope } from "effect"

/**
 * Longest time without a line, in milliseconds.
 *
 * @since 0.2.0
 * @category constants
 */
export const longestSilenceMs = 10_000

/**
 * Returns a writer of lines. Until the scope closes, `progress` is asked for a line whenever nothing was written for {@link longestSilenceMs}. On a
 * terminal, and if `progress` returns undefined, nothing is added.
 *
 * @since 0.2.0
 * @category constructors
 */
export const breakingSilence = (
  err: ReporterStream,
  progress: (nowMs: number) => string | undefined
): Effect.Effect<(line: string) => Effect.Effect<void>, never, Scope.Scope> =>
  Effect.gen(function* () {
    let lastMs = yield* Clock.currentTimeMillis
    const write = (line: string) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        lastMs = now
        return err.write(`${line}\n`)
      })
    const watch = Effect.gen(function* () {
      const before = yield* Clock.currentTimeMillis
      yield* Effect.sleep(Math.max(1, lastMs + longestSilenceMs - before))
      const now = yield* Clock.currentTimeMillis
      if (now - lastMs < longestSilenceMs) return
      const line = progress(now)
      lastMs = now
      if (line !== undefined) yield* write(line)
    })
    if (!err.terminal) yield* Effect.forkScoped(Effect.forever(watch))
    return write
  })
