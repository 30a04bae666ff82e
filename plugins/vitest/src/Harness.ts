/**
 * Runs ktstr tests in a worker of vitest.
 *
 * @since 0.1.0
 */
import { dirname } from "node:path"
import {
  KernelResolver,
  type KtstrTest,
  type RunEvent,
  type RunResult,
  runScenario,
  KtstrTest as Test,
  Topology
} from "@ktstr/core"
import { withoutOps } from "@ktstr/core/explore"
import { kernelLabel, type ResolvedKernel } from "@ktstr/core/kernel"
import { tracedInto } from "@ktstr/core/run"
import { layerHarness, loadPlugins } from "@ktstr/harness"
import { Cause, Config, Effect, Exit, Layer, Logger, LogLevel, ManagedRuntime } from "effect"
import { type DeclaredSize, sizeOf } from "./Explored.ts"
import type { Provided } from "./Plugin.ts"
import { openProgress } from "./Progress.ts"
import { testRerun } from "./TestRerun.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Harness {
  /** Runs a test of `file` to its result; rejects with the error that prevented one. `kernel`: one of the provided kernels, if there are several. */
  readonly run: (
    test: KtstrTest,
    signal: AbortSignal,
    file: string,
    kernel?: ResolvedKernel | undefined,
    /** Its name, preceded by those of its suites; default: the test's own. */
    fullName?: string
  ) => Promise<RunResult>
  /** Returns the size of the test without running it. */
  readonly sizeOf: (test: KtstrTest, file: string) => Promise<DeclaredSize>
  readonly dispose: () => Promise<void>
}

/** Signals that end a process and leave it time to clean up. */
const signals = ["SIGHUP", "SIGINT", "SIGTERM"] as const

const backendOf = (provided: Provided | undefined) =>
  provided?.vmm !== undefined
    ? Effect.succeed(provided.vmm)
    : Config.withDefault(Config.nonEmptyString("KTSTR_VMM"), "auto")

/** vitest shows what a test prints to standard error beside the test. */
const layerLog = Layer.merge(
  Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ logLevel, message }) => {
      const level = logLevel === LogLevel.Warning ? "warning" : logLevel.label.toLowerCase()
      console.error(`${level}: ${(Array.isArray(message) ? message : [message]).map(String).join(" ")}`)
    })
  ),
  Logger.minimumLogLevel(LogLevel.Warning)
)

/** The error itself, not a FiberFailure around it: its tag decides the exit code. */
const valueOf = <A, E>(exit: Exit.Exit<A, E>): A => {
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}

/**
 * Builds the services at the first test and resolves the kernel once.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeHarness = (provided: Provided | undefined, directory: string): Harness => {
  const layer = Layer.unwrapEffect(
    Effect.gen(function* () {
      const backend = yield* backendOf(provided)
      // `ktstr explore` runs each seed in its own process.
      const fork = provided?.explored === undefined
      return layerHarness({ backend, fork, plugins: yield* loadPlugins(directory) })
    })
  ).pipe(Layer.provideMerge(layerLog))
  const runtime = ManagedRuntime.make(layer)
  let only: ResolvedKernel | undefined = provided?.resolved[0]
  const resolve = Effect.gen(function* () {
    const resolver = yield* KernelResolver
    only ??= yield* resolver.resolve(provided?.kernel)
    return only
  })
  const progress = openProgress(provided?.progress)
  const active = new Map<AbortController, Promise<unknown>>()
  const requestOf = (test: KtstrTest, file: string, kernel: ResolvedKernel | undefined) =>
    Effect.gen(function* () {
      const { smaller } = provided?.explored ?? {}
      const directory = dirname(file)
      if (smaller === undefined) return yield* Test.request(test, kernel ?? (yield* resolve), { directory })
      const { durationMs, workersPerCgroup } = smaller
      const options = { ...test.options, workersPerCgroup }
      const topology = yield* Topology.parse(smaller.topology)
      const settled = { ...test, topology, durationMs, options }
      const request = yield* Test.request(settled, kernel ?? (yield* resolve), { directory })
      return { ...request, scenario: withoutOps(request.scenario, smaller.without) }
    })
  const start = async (
    test: KtstrTest,
    controller: AbortController,
    file: string,
    kernel: ResolvedKernel | undefined,
    fullName: string
  ): Promise<RunResult> => {
    const onEvent = (event: RunEvent) => progress.send(fullName, event)
    const exit = await runtime.runPromiseExit(
      Effect.gen(function* () {
        const asked = yield* requestOf(test, file, kernel)
        const request = {
          ...asked,
          // `ktstr explore` and `ktstr replay` save their runs themselves.
          rerun:
            provided?.explored === undefined
              ? testRerun({ file, fullName, provided, request: asked, test })
              : undefined,
          schedulerSha256: provided?.schedulerSha256,
          variant: kernel === undefined ? undefined : kernelLabel(kernel),
          determinism: provided?.determinism
        }
        const { trace: directory } = provided?.explored ?? {}
        return directory === undefined
          ? yield* runScenario(request, onEvent)
          : yield* tracedInto(directory, (trace) => runScenario({ ...request, trace }))
      }),
      { signal: controller.signal }
    )
    return valueOf(exit)
  }
  let stopping: Promise<unknown> | undefined
  /** Stops the machines and removes their files. No further test begins. */
  const stop = (): Promise<unknown> => {
    for (const controller of active.keys()) controller.abort()
    stopping ??= Promise.allSettled(active.values())
    return stopping
  }
  const die = async (signal: NodeJS.Signals) => {
    await stop()
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  }
  // Ctrl-C reaches this process, too, as part of the terminal's foreground group. It ends when vitest tells it to or is gone: vitest would take a worker that
  // ends by itself for one that crashed, and start another in its place.
  const onSignal = async (signal: NodeJS.Signals) => {
    const again = stopping !== undefined
    const idle = active.size === 0
    await stop()
    if (again || idle || !process.connected) await die(signal)
  }
  const onDisconnect = () => die("SIGTERM")
  for (const name of signals) process.on(name, onSignal)
  process.on("disconnect", onDisconnect)
  return {
    run: async (test, signal, file, kernel, fullName = `ktstr/${test.name}`) => {
      if (stopping !== undefined) throw new Error("interrupted before it began")
      const controller = new AbortController()
      const abort = () => controller.abort()
      signal.addEventListener("abort", abort)
      const running = start(test, controller, file, kernel, fullName)
      active.set(controller, running)
      try {
        return await running
      } finally {
        active.delete(controller)
        signal.removeEventListener("abort", abort)
      }
    },
    sizeOf: async (test, file) =>
      valueOf(await runtime.runPromiseExit(Effect.flatMap(requestOf(test, file, undefined), sizeOf))),
    dispose: async () => {
      progress.close()
      for (const name of signals) process.off(name, onSignal)
      process.off("disconnect", onDisconnect)
      await runtime.dispose()
    }
  }
}
