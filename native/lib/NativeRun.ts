/**
 * A native machine that runs: its console, channel and end.
 *
 * @since 0.1.0
 */

import { panicMessage } from "@ktstr/core/kernel"
import { ConsoleLog, type Vm, type VmExit, VmmError } from "@ktstr/core/machine"
import { Deferred, Effect, FiberId } from "effect"
import { BytePipe } from "./BytePipe.ts"
import { MachineWaiting } from "./MachineWaiting.ts"
import { type NativeExit, type NativeMachine, nativePorts } from "./NativeBinding.ts"

/** A kernel told not to reboot after a panic is given so long to print it out. Milliseconds. */
const panicGraceMs = 10_000

const ended = (what: string): VmmError =>
  new VmmError({ reason: "Io", message: `can't ${what} the machine: it has ended` })

/**
 * What the addon's doorbell tells, as the parts of a {@link Vm}. Made before its machine, whose doorbell is `ring`.
 *
 * @since 0.1.0
 * @category models
 */
export class NativeRun {
  readonly log = new ConsoleLog()
  readonly exit = Deferred.unsafeMake<VmExit>(FiberId.none)
  private machine: NativeMachine | undefined
  private over = false
  private panic: string | undefined
  private panicTimer: ReturnType<typeof setTimeout> | undefined
  private counts: Readonly<Record<string, number>> = {}
  private readonly pausers = new MachineWaiting()
  private readonly running = (): NativeMachine | undefined => (this.over ? undefined : this.machine)
  /** The doorbell. */
  readonly ring = (): void => this.take()
  readonly channel: BytePipe = new BytePipe({
    port: nativePorts.com2,
    name: "the channel to the guest (COM2)",
    machine: this.running,
    ring: this.ring
  })
  /** The virtio console, of machines that have one. */
  readonly terminal: BytePipe = new BytePipe({
    port: nativePorts.console,
    name: "the guest's virtio console",
    machine: this.running,
    ring: this.ring
  })

  attach(machine: NativeMachine): void {
    this.machine = machine
  }

  private take(): void {
    const { machine } = this
    if (machine === undefined) return
    const pipes = [this.channel, this.terminal].map((pipe) => ({ pipe, accepts: pipe.accepts }))
    const accepted = pipes.reduce(
      (bits, { pipe, accepts }) => (accepts ? bits | pipe.bit : bits),
      1 << nativePorts.com1
    )
    const taken = machine.take(accepted)
    const console = taken.bytes[nativePorts.com1]
    if (console !== undefined) this.read(this.log.push(console))
    for (const { pipe } of pipes) {
      pipe.receive(taken.bytes[pipe.port])
      if (taken.sent & pipe.bit) pipe.sent()
    }
    if (taken.paused) this.pausers.wake()
    if (taken.exit !== undefined) this.finish(taken.exit)
    // The end was told before these bytes were taken, so they are the last.
    if (this.over) for (const { pipe, accepts } of pipes) if (accepts) pipe.end()
  }

  /** Takes what is left and lets go of the machine, which is about to be destroyed. */
  detach(): NativeMachine | undefined {
    this.ring()
    const { machine } = this
    if (machine !== undefined) this.counts = machine.statistics()
    this.machine = undefined
    return machine
  }

  /** The machine is gone: whoever still waits is told. */
  end(): void {
    if (!this.over) this.finish({ kind: "Killed", message: "", registers: "" })
    this.channel.end()
    this.terminal.end()
    this.pausers.wake()
  }

  private read(lines: ReadonlyArray<string>): void {
    for (const line of lines) {
      const panic = panicMessage(line)
      if (panic === undefined || this.panic !== undefined) continue
      this.panic = panic
      this.panicTimer = setTimeout(() => this.machine?.stop(), panicGraceMs)
    }
  }

  private finish(exit: NativeExit): void {
    this.over = true
    this.read(this.log.end())
    clearTimeout(this.panicTimer)
    this.channel.sent()
    this.terminal.sent()
    this.pausers.wake()
    Deferred.unsafeDone(this.exit, Effect.succeed(this.cause(exit)))
  }

  private cause({ kind, message, registers }: NativeExit): VmExit {
    if (kind === "DeviceError") return { _tag: kind, message }
    // However the machine ended after it, the panic is why.
    if (this.panic !== undefined) return { _tag: "Panic", message: this.panic }
    switch (kind) {
      case "TripleFault":
        return { _tag: "TripleFault", registers }
      case "VcpuError":
        return { _tag: "VcpuError", message: `${message}\n${registers}`.trimEnd() }
      default:
        return { _tag: kind }
    }
  }

  readonly stats: Vm["stats"] = Effect.sync(() => this.machine?.statistics() ?? this.counts)

  readonly pause: Effect.Effect<void, VmmError> = Effect.suspend(() =>
    this.pausers.after(
      this.running,
      (machine) => {
        machine.pause()
        return true
      },
      () => ended("pause")
    )
  )

  readonly resume: Effect.Effect<void, VmmError> = Effect.suspend(() => {
    if (this.over || this.machine === undefined) return Effect.fail(ended("resume"))
    this.machine.resume()
    return Effect.void
  })

  /** Guest RAM; empty when the machine is gone. */
  get memory(): ArrayBuffer {
    return this.machine?.memory ?? new ArrayBuffer(0)
  }

  /** Nothing when the machine has ended. */
  resize(columns: number, rows: number): void {
    this.running()?.resize(columns, rows)
  }

  /** The kernel's numbers of the vCPUs' threads. */
  get threadIds(): ReadonlyArray<number> {
    return this.machine?.threadIds() ?? []
  }
}
