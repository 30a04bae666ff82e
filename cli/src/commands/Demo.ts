/**
 * `ktstr demo`: a first run for newcomers.
 *
 * @since 0.1.0
 */

import { ExitCode, KernelResolver } from "@ktstr/core"
import { layerKernels, loadPlugins } from "@ktstr/harness"
import { Effect } from "effect"
import type { CommandIo } from "../io/index.ts"
import type { Invocation } from "../parse/index.ts"
import { fetchInto } from "./Kernel.ts"
import { run } from "./Run.ts"

/** Fetches a kernel if none is found. */
const fetchFirstKernel = (io: CommandIo) =>
  Effect.gen(function* () {
    const resolver = yield* KernelResolver
    yield* Effect.catchIf(
      resolver.resolve(undefined),
      (error) => error.reason === "NotFound",
      () =>
        Effect.gen(function* () {
          yield* io.err.write("no kernel yet: fetching one, as `ktstr kernel fetch` does\n")
          const entry = yield* fetchInto(undefined, io)
          yield* io.err.write(`kernel ${entry.metadata.version} is in ${entry.directory}\n`)
        })
    )
  })

/**
 * Fetches a kernel if none is found, then runs `steady` for five seconds on two LLCs.
 *
 * @since 0.1.0
 * @category commands
 */
export const demo = (invocation: Extract<Invocation, { command: "demo" }>, io: CommandIo) =>
  Effect.gen(function* () {
    const plugins = yield* loadPlugins(process.cwd())
    yield* Effect.provide(fetchFirstKernel(io), layerKernels(plugins))
    const code = yield* run(
      {
        command: "run",
        args: ["steady"],
        rest: [],
        values: {
          topology: "1n2l2c1t",
          preset: undefined,
          kernel: [],
          yes: false,
          host: false,
          clock: undefined,
          scheduler: undefined,
          "sched-args": [],
          flags: undefined,
          "scheduler-hash": undefined,
          verbose: false,
          "all-profiles": false,
          watchdog: undefined,
          filter: undefined,
          duration: "5",
          workers: undefined,
          "work-type": undefined,
          format: "pretty",
          vmm: invocation.values.vmm,
          memory: undefined,
          seed: undefined,
          "boot-timeout": undefined,
          kargs: [],
          "max-gap-ms": undefined,
          "max-spread-pct": undefined,
          isolation: false,
          relaxed: false
        }
      },
      io
    )
    if (code === ExitCode.pass) {
      yield* io.err.write(
        [
          "",
          "That was a real kernel on 4 virtual CPUs. Next:",
          "  npx ktstr list                                   scenarios, work types, presets",
          "  npx ktstr run oversubscribed --preset smt-2llc   another scenario, another machine",
          "  npx ktstr test test/examples                     tests of your own",
          ""
        ].join("\n")
      )
    }
    return code
  })
