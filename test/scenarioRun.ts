// Runs a scenario in this process, as a test of ktstrTest would, and keeps what the guest printed on its console.

import {
  type Assert,
  KernelResolver,
  type RunResult,
  runScenario,
  Scenario,
  Topology,
  WorkProgram,
  type WorkSpec,
  WorkType
} from "@ktstr/core"
import { type Vm, Vmm } from "@ktstr/core/machine"
import { layerHarness } from "@ktstr/harness"
import { Effect, Either, Fiber, Stream } from "effect"

export interface ScenarioRun {
  readonly result: RunResult
  readonly console: ReadonlyArray<string>
}

export interface ScenarioRunOptions {
  readonly topology: string
  readonly durationMs: number
  readonly kernel: string
  readonly build: Scenario["build"]
  readonly assert?: Assert
  readonly memoryMb?: number
  readonly kargs?: ReadonlyArray<string>
  readonly cpuHotplug?: boolean
  /** The machine keeps the host's time, as programs and payloads need. Default: virtual time, in which no host can fail a verdict. */
  readonly hostTime?: boolean
}

/** Runs to a result; rejects with what kept it from one. */
export const runSteps = (options: ScenarioRunOptions): Promise<ScenarioRun> =>
  Effect.gen(function* () {
    const kernel = yield* Effect.flatMap(KernelResolver, (resolver) => resolver.resolve(options.kernel))
    const vmm = yield* Vmm
    const consoles: Array<Fiber.Fiber<ReadonlyArray<string>>> = []
    const keepConsole = (vm: Vm) =>
      Effect.map(Effect.forkDaemon(Effect.map(Stream.runCollect(vm.console), (lines) => [...lines])), (fiber) => {
        consoles.push(fiber)
      })
    const result = yield* Effect.provideService(
      runScenario({
        scenario: Scenario.make({ name: "test", description: "of a test", build: options.build }),
        topology: Either.getOrThrow(Topology.parse(options.topology)),
        kernel,
        durationMs: options.durationMs,
        memoryMb: options.memoryMb,
        assert: options.assert,
        cpuHotplug: options.cpuHotplug,
        kargs: options.kargs,
        determinism: options.hostTime === true ? undefined : { seed: 0 }
      }),
      Vmm,
      { boot: (spec) => Effect.tap(vmm.boot(spec), keepConsole) }
    )
    const lines = yield* Effect.forEach(consoles, Fiber.join)
    return { result, console: lines.flat() }
  }).pipe(Effect.provide(layerHarness()), Effect.runPromise)

/**
 * A worker that runs a shell script in the guest and then waits to be stopped. In it `$B` is busybox, and `say` prints a line
 * for `said`.
 */
export const script = (text: string): WorkSpec => {
  // One write a line: the kernel's own messages come between writes only.
  const say = `say() { echo "@ktstr $*" > /dev/console; }`
  const argv = ["sh", "-c", `B=/bin/busybox; ${say}; ${text}; exec $B sleep 1000`]
  const program = WorkProgram.make({ body: [WorkProgram.exec("/bin/busybox", argv)] })
  return { workers: 1, workType: WorkType.custom("Script", program, 1, ["/bin/busybox"]) }
}

/** The lines that scripts gave `say`. */
export const said = (run: ScenarioRun): ReadonlyArray<string> =>
  run.console.flatMap((line) => /@ktstr (.*?)\r?$/.exec(line)?.[1] ?? [])
