/**
 * Drives the user's vitest as a library.
 *
 * @since 0.1.0
 */
import type { ChildProcess } from "node:child_process"
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import { mkdtempSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { pathToFileURL } from "node:url"
import { ExitCode } from "@ktstr/core"
import { describeFault } from "@ktstr/core/base"
import { ownPrefix } from "@ktstr/core/host"
import { Data, Effect, Exit, type Scope } from "effect"
import type { Vitest } from "vitest/node"
import { createWithConfig, VitestFailed, vitestFailed, type WithLogger } from "./VitestConfig.ts"

/**
 * Says that vitest is not installed where the tests are.
 *
 * @since 0.1.0
 * @category errors
 */
export class VitestMissing extends Data.TaggedError("VitestMissing")<{ readonly message: string }> {
  readonly exitCode = ExitCode.missing
}

/**
 * Loads the same vitest that the tests import: two copies in one run would not know each other.
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

/** Vitest's logger would end this process at some of these, before the results are printed. */
const signals = ["SIGHUP", "SIGINT", "SIGTERM"] as const

/**
 * Ignores uncaught errors after a signal. Ctrl-C also ends workers that have not begun a test, and vitest would report their end, and messages
 * that can no longer be sent to them, as errors.
 */
const expectEndedWorkers = () => {
  for (const event of ["unhandledRejection", "uncaughtException"] as const) {
    process.removeAllListeners(event)
    process.on(event, () => undefined)
  }
}

let sessions = 0

/** Listens for the signals themselves: a worker's end may be the very next event. */
const whileExpectingSignals = Effect.acquireRelease(
  Effect.sync(() => {
    if (sessions++ === 0) for (const signal of signals) process.on(signal, expectEndedWorkers)
  }),
  () =>
    Effect.sync(() => {
      if (--sessions === 0) for (const signal of signals) process.off(signal, expectEndedWorkers)
    })
)

/** Tracks the running processes that this one starts while the scope is open: vitest doesn't expose its workers. */
const startedProcesses = Effect.gen(function* () {
  const running = new Set<ChildProcess>()
  const onStart = (message: unknown) => {
    const { process: child } = message as { readonly process: ChildProcess }
    running.add(child)
    child.once("exit", () => running.delete(child))
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => subscribe("child_process", onStart)),
    () => Effect.sync(() => unsubscribe("child_process", onStart))
  )
  return running
})

/** Limits the closing of an interrupted run, whose machines are stopped. Longer than vitest waits for a worker that it ends. */
const closeTimeout = "3 seconds"

/** Closes vitest and kills the workers left after a while: vitest replaces a worker that Ctrl-C ended, and may wait for the dead one. */
const closeInterrupted = (vitest: Vitest, workers: ReadonlySet<ChildProcess>) =>
  Effect.promise(() => vitest.close()).pipe(
    Effect.interruptible,
    Effect.timeout(closeTimeout),
    Effect.ignore,
    Effect.ensuring(
      Effect.sync(() => {
        for (const worker of workers) worker.kill("SIGKILL")
      })
    )
  )

const folders = new Set<string>()

const removeFolders = () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}

/**
 * A folder that is removed with the scope, and by `ktstr cleanup` after a SIGKILL. Removed at exit, too: a second Ctrl-C ends the process without its
 * scopes. That runs before vitest's own listener, which lets no other run.
 */
const temporaryFolder = Effect.acquireRelease(
  Effect.try({
    try: () => {
      const folder = mkdtempSync(join(tmpdir(), `${ownPrefix()}vitest-`))
      folders.add(folder)
      process.off("exit", removeFolders)
      process.prependListener("exit", removeFolders)
      return folder
    },
    catch: (error) =>
      new VitestFailed({ message: `${describeFault(error)}: set TMPDIR to a directory that you can write to` })
  }),
  (folder) =>
    Effect.sync(() => {
      rmSync(folder, { recursive: true, force: true })
      folders.delete(folder)
    })
)

/** vitest gives each project a folder without an owner in its name, which nobody would remove after a SIGKILL. It is made at the first use. */
const putFilesInto = (folder: string, vitest: Vitest) =>
  Effect.sync(() => {
    for (const project of new Set([vitest.getRootProject(), ...vitest.projects])) {
      Object.assign(project, { tmpDir: join(folder, basename(project.tmpDir)) })
    }
  })

/**
 * Opens vitest and closes it with the scope. Removes the listeners by which Vite's server would end this process at SIGTERM, or at the end of standard
 * input, before the workers have stopped their machines. `config` is the user's configuration of vitest, if `create` loads one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openVitest = (
  create: (vite: WithLogger) => Promise<Vitest>,
  config?: string | undefined
): Effect.Effect<Vitest, VitestFailed, Scope.Scope> =>
  Effect.gen(function* () {
    yield* whileExpectingSignals
    const workers = yield* startedProcesses
    // Removed after vitest is closed.
    const folder = yield* temporaryFolder
    const vitest = yield* Effect.acquireRelease(
      createWithConfig((vite) => withoutItsListeners(() => create(vite)), config),
      (opened, exit) =>
        Exit.isInterrupted(exit) ? closeInterrupted(opened, workers) : Effect.promise(() => opened.close())
    )
    yield* putFilesInto(folder, vitest)
    return vitest
  })

const withoutItsListeners = async (create: () => Promise<Vitest>): Promise<Vitest> => {
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

const stopRun = (vitest: Vitest, running: Promise<unknown>) =>
  Effect.sync(expectEndedWorkers).pipe(
    Effect.zipRight(Effect.promise(() => vitest.cancelCurrentRun("keyboard-input"))),
    Effect.zipRight(Effect.promise(() => running.catch(() => undefined))),
    Effect.interruptible,
    Effect.timeout("5 seconds"),
    Effect.ignore
  )

/**
 * Waits for the run that `start` begins. If interrupted, runs `onStop` and lets the workers stop their machines before vitest ends them.
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
