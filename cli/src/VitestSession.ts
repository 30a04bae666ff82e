/**
 * The user's vitest, as a library.
 *
 * @since 0.1.0
 */
import { createRequire } from "node:module"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { describeFault, ExitCode } from "@ktstr/core"
import { Data, Effect, type Scope } from "effect"
import type { Vitest } from "vitest/node"

/**
 * vitest is not installed where the tests are.
 *
 * @since 0.1.0
 * @category errors
 */
export class VitestMissing extends Data.TaggedError("VitestMissing")<{ readonly message: string }> {
  readonly exitCode = ExitCode.missing
}

/**
 * vitest can't begin or go on: its configuration throws, a reporter or a set-up file does not load.
 *
 * @since 0.2.0
 * @category errors
 */
export class VitestFailed extends Data.TaggedError("VitestFailed")<{ readonly message: string }> {
  readonly exitCode = ExitCode.usage
}

const vitestFailed = (error: unknown) => new VitestFailed({ message: `vitest: ${describeFault(error)}` })

/**
 * vitest as the tests themselves import it: two copies in one run would not know each other.
 *
 * @since 0.1.0
 * @category constructors
 */
export const loadVitest = Effect.tryPromise({
  try: async (): Promise<typeof import("vitest/node")> => {
    const require = createRequire(pathToFileURL(join(process.cwd(), "package.json")))
    return import(pathToFileURL(require.resolve("vitest/node")).href)
  },
  catch: () => new VitestMissing({ message: "vitest is not installed here; run: npm install -D vitest @ktstr/vitest" })
})

/** Vitest's logger would end this process at either, before anybody has said what was done. */
const signals = ["SIGINT", "SIGTERM"] as const

/**
 * What `create` makes, closed with the scope. Vite's server would end this process at SIGTERM, and when standard input ends, before the workers have stopped
 * their machines: both stay the command's own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openVitest = (create: () => Promise<Vitest>): Effect.Effect<Vitest, VitestFailed, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      catch: vitestFailed,
      try: async () => {
        const onSignal = signals.map((signal) => process.listeners(signal))
        const onInputEnd = process.stdin.listeners("end")
        const vitest = await create()
        for (const [at, signal] of signals.entries()) {
          for (const added of process.listeners(signal)) if (!onSignal[at]?.includes(added)) process.off(signal, added)
        }
        for (const added of process.stdin.listeners("end")) {
          if (!onInputEnd.includes(added)) process.stdin.off("end", added as () => void)
        }
        return vitest
      }
    }),
    (vitest) => Effect.promise(() => vitest.close())
  )

/** Ctrl-C ends the workers, too, and vitest would take messages to them that can't be sent any more for errors of ours. */
const expectEndedWorkers = Effect.sync(() => {
  process.removeAllListeners("unhandledRejection")
  process.on("unhandledRejection", () => undefined)
})

const stopRun = (vitest: Vitest, running: Promise<unknown>) =>
  expectEndedWorkers.pipe(
    Effect.zipRight(Effect.promise(() => vitest.cancelCurrentRun("keyboard-input"))),
    Effect.zipRight(Effect.promise(() => running.catch(() => undefined))),
    Effect.timeout("5 seconds"),
    Effect.ignore
  )

/**
 * Waits for what `start` begins. Interrupted, it does `onStop`, then lets the workers stop their machines before they are ended with vitest.
 *
 * @since 0.1.0
 * @category running
 */
export const stoppable = <A>(
  vitest: Vitest,
  start: () => Promise<A>,
  onStop: Effect.Effect<void> = Effect.void
): Effect.Effect<A, VitestFailed> =>
  Effect.acquireUseRelease(
    Effect.sync(start),
    (running) => Effect.tryPromise({ try: () => running, catch: vitestFailed }),
    (running, exit) => (exit._tag === "Failure" ? Effect.zipRight(onStop, stopRun(vitest, running)) : Effect.void)
  )
