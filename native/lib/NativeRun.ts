/**
 * A running native machine: its console, channel and end.
 *
 * @since 0.1.0
 */
import { MachineWitness, type SeenEnd, type Vm, VmmError } from "@ktstr/core/machine"
import { Effect } from "effect"
import { BytePipe } from "./BytePipe.ts"
import { NativeAnswer } from "./NativeAnswer.ts"
import { type NativeExit, type NativeMachine, nativePorts } from "./NativeBinding.ts"

const ended = (what: string): VmmError =>
  new VmmError({ reason: "Io", message: `can't ${what} the machine: it has ended` })

const seenEnd = ({ kind, message, registers }: NativeExit): SeenEnd => {
  switch (kind) {
    case "DeviceError":
      return { _tag: kind, message }
    case "TripleFault":
      return { _tag: kind, registers }
    case "VcpuError":
      return { _tag: kind, message: `${message}\n${registers}`.trimEnd() }
    default:
      return { _tag: kind }
  }
}

/**
 * Turns the events of the addon's doorbell into the parts of a {@link Vm}. Created before its machine, whose doorbell
 * is `ring`.
 *
 * @since 0.1.0
 * @category models
 */
export class NativeRun {
  private readonly witness = new MachineWitness(() => this.machine?.stop())
  readonly log = this.witness.log
  readonly exit = this.witness.exit
  private machine: NativeMachine | undefined
  private over = false
  private counts: Readonly<Record<string, number>> = {}
  private readonly running = (): NativeMachine | undefined => (this.over ? undefined : this.machine)
  private readonly paused = new NativeAnswer(this.running, () => ended("pause"))
  /** The doorbell. */
  readonly ring = (): void => this.take()
  readonly channel: BytePipe = new BytePipe({
    port: nativePorts.com2,
    name: "the channel to the guest (COM2)",
    machine: this.running,
    ring: this.ring
  })
  /** The virtio console, for machines that have one. */
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
    if (console !== undefined) this.witness.hear(console)
    for (const { pipe } of pipes) {
      pipe.receive(taken.bytes[pipe.port])
      if (taken.sent & pipe.bit) pipe.sent()
    }
    if (taken.paused) this.paused.came()
    if (taken.exit !== undefined) this.finish(taken.exit)
    // The end was reported before these bytes were taken, so they are the last.
    if (this.over) for (const { pipe, accepts } of pipes) if (accepts) pipe.end()
  }

  /** Takes all remaining output and releases the machine, which is about to be destroyed. */
  detach(): NativeMachine | undefined {
    this.ring()
    const { machine } = this
    if (machine !== undefined) this.counts = machine.statistics()
    this.machine = undefined
    return machine
  }

  /** Resumes everything that still waits for the machine, which is gone. */
  end(): void {
    if (!this.over) this.finish({ kind: "Killed", message: "", registers: "" })
    this.channel.end()
    this.terminal.end()
    this.paused.came()
  }

  private finish(exit: NativeExit): void {
    this.over = true
    this.channel.sent()
    this.terminal.sent()
    this.paused.came()
    this.witness.ended(seenEnd(exit))
  }

  readonly stats: Vm["stats"] = Effect.sync(() => this.machine?.statistics() ?? this.counts)

  readonly pause: Effect.Effect<void, VmmError> = this.paused.after((machine) => {
    machine.pause()
    return true
  })

  readonly resume: Effect.Effect<void, VmmError> = Effect.suspend(() => {
    if (this.over || this.machine === undefined) return Effect.fail(ended("resume"))
    this.machine.resume()
    return Effect.void
  })

  /** Guest RAM; empty if the machine is gone. */
  get memory(): ArrayBuffer {
    return this.machine?.memory ?? new ArrayBuffer(0)
  }

  /** Sets the window size of the virtio console; does nothing if the machine has ended. */
  resize(columns: number, rows: number): void {
    this.running()?.resize(columns, rows)
  }

  /** The kernel's ids of the vCPU threads. */
  get threadIds(): ReadonlyArray<number> {
    return this.machine?.threadIds() ?? []
  }
}
