/**
 * How a machine ended: what its backend saw, judged by what its kernel said on the console.
 *
 * @since 0.2.0
 */
import { Deferred, Duration, Effect, Fiber, FiberId } from "effect"
import { ConsoleLog } from "./ConsoleLog.ts"
import { isRestartLine, panicMessage } from "./KernelLines.ts"
import type { VmExit } from "./Vmm.ts"

/** How long a kernel that was told not to reboot after a panic may print. */
const panicGrace = Duration.seconds(10)

/**
 * What a backend saw of a machine's end. `Panicked`: the kernel reported a panic to the machine, without its message. `UnexplainedReset`: a reset of
 * which the backend can't tell whether the guest asked for it.
 *
 * @since 0.2.0
 * @category models
 */
export type SeenEnd =
  | Exclude<VmExit, { readonly _tag: "Panic" }>
  | { readonly _tag: "Panicked" }
  | { readonly _tag: "UnexplainedReset"; readonly registers: string }

/**
 * What the console showed of a machine's end.
 *
 * @since 0.2.0
 * @category models
 */
export interface ConsoleEvidence {
  /** The message of the kernel's first panic. */
  readonly panic?: string | undefined
  /** Whether the kernel announced an orderly restart. */
  readonly restarting: boolean
}

/**
 * Judges the evidence. A device that failed on the host is the cause whatever the guest's kernel made of it; else a panic is, however the machine ended
 * after it. A reset that neither a panic nor an announced restart explains is a triple fault.
 *
 * @since 0.2.0
 * @category conversions
 */
export const judgeEnd = (seen: SeenEnd, { panic, restarting }: ConsoleEvidence): VmExit => {
  if (seen._tag === "DeviceError") return seen
  if (panic !== undefined || seen._tag === "Panicked") return { _tag: "Panic", message: panic ?? "unknown" }
  if (seen._tag !== "UnexplainedReset") return seen
  return restarting ? { _tag: "Reset" } : { _tag: "TripleFault", registers: seen.registers }
}

/**
 * Keeps the console of a machine, kills the machine some time after a panic, and judges its end.
 *
 * @since 0.2.0
 * @category models
 */
export class MachineWitness {
  readonly log = new ConsoleLog()
  readonly exit = Deferred.unsafeMake<VmExit>(FiberId.none)
  private panic: string | undefined
  private restarting = false
  private grace: Fiber.RuntimeFiber<void> | undefined

  constructor(private readonly kill: () => void) {}

  /** Takes bytes from the console. */
  hear(bytes: Uint8Array): void {
    this.read(this.log.push(bytes))
  }

  /** Ends the console and settles {@link exit}. Later calls change nothing. */
  ended(seen: SeenEnd): void {
    this.read(this.log.end())
    if (this.grace !== undefined) Effect.runFork(Fiber.interrupt(this.grace))
    Deferred.unsafeDone(this.exit, Effect.succeed(judgeEnd(seen, { panic: this.panic, restarting: this.restarting })))
  }

  private read(lines: ReadonlyArray<string>): void {
    for (const line of lines) {
      this.restarting ||= isRestartLine(line)
      const panic = panicMessage(line)
      if (panic === undefined || this.panic !== undefined) continue
      this.panic = panic
      this.grace = Effect.runFork(Effect.delay(Effect.sync(this.kill), panicGrace))
    }
  }
}
