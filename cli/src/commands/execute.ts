/**
 * Loads and runs the code of commands: one table, each command a chunk of its own that is loaded when it is used.
 *
 * @since 0.2.0
 */
import type { ErrorWithExitCode, KtstrError } from "@ktstr/core/report"
import { Effect } from "effect"
import type { RawIo } from "../io/index.ts"
import type { CommandName, Invocation } from "../parse/index.ts"

/** Runs one command and returns its exit code. Each error has an exit code too: in core's table, or its own. */
type Handler<C extends CommandName> = (
  invocation: Extract<Invocation, { readonly command: C }>,
  io: RawIo
) => Effect.Effect<number, KtstrError | ErrorWithExitCode>

const load = <M, H>(module: Promise<M>, pick: (module: M) => H): Promise<H> => module.then(pick)

const handlers: { readonly [C in CommandName]: () => Promise<Handler<C>> } = {
  run: () => load(import("./Run.ts"), ({ run }) => run),
  test: () => load(import("./Test.ts"), ({ test }) => test),
  explore: () => load(import("./Explore.ts"), ({ explore }) => explore),
  replay: () => load(import("./Replay.ts"), ({ replay }) => replay),
  demo: () => load(import("./Demo.ts"), ({ demo }) => demo),
  exec: () => load(import("./Exec.ts"), ({ exec }) => exec),
  shell: () => load(import("./Shell.ts"), ({ shell }) => shell),
  list: () => load(import("./List.ts"), ({ list }) => list),
  "kernel fetch": () => load(import("./Kernel.ts"), ({ kernelFetch }) => kernelFetch),
  "kernel build": () => load(import("./Kernel.ts"), ({ kernelBuild }) => kernelBuild),
  "kernel list": () => load(import("./KernelList.ts"), ({ kernelList }) => kernelList),
  "kernel clean": () => load(import("./KernelClean.ts"), ({ kernelClean }) => kernelClean),
  topo: () => load(import("./Topo.ts"), ({ topo }) => topo),
  locks: () => load(import("./Locks.ts"), ({ locks }) => locks),
  cleanup: () => load(import("./Cleanup.ts"), ({ cleanup }) => cleanup),
  doctor: () => load(import("./Doctor.ts"), ({ doctor }) => doctor)
}

/**
 * Runs the command of an invocation and returns its exit code.
 *
 * @since 0.2.0
 * @category running
 */
export const execute = (invocation: Invocation, io: RawIo): Effect.Effect<number, KtstrError | ErrorWithExitCode> => {
  const loadHandler: () => Promise<(invocation: never, io: RawIo) => ReturnType<Handler<CommandName>>> =
    handlers[invocation.command]
  // The table gives each command the handler of its own invocations.
  return Effect.flatMap(Effect.promise(loadHandler), (handler) => handler(invocation as never, io))
}
