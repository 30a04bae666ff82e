/**
 * A native machine that runs: its console, channel and end.
 *
 * @since 0.1.0
 */
import { ConsoleLog, panicMessage, type Vm, type VmExit, VmmError } from "@ktstr/core"
import { Chunk, Deferred, Effect, FiberId, Option, Stream } from "effect"
import { type NativeExit, type NativeMachine, type NativePort, nativePorts } from "./NativeBinding.ts"

/** Bytes of the channel kept for a reader that is behind; beyond, they stay with the device, which holds the guest up. */
const highWater = 4 * 1024 * 1024
/** A sender waits while the guest has so much to read. */
const mostUnread = 64 * 1024
/** A kernel told not to reboot after a panic is given so long to print it out. Milliseconds. */
const panicGraceMs = 10_000

const bit = (port: NativePort): number => 1 << port

const lost = (): VmmError =>
  new VmmError({
    reason: "ChannelLost",
    message: "the channel to the guest (COM2) is closed; the console tells why the machine ended"
  })

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
  private chunks: Array<Uint8Array> = []
  private buffered = 0
  private over = false
  /** The machine's end was told and the channel's last bytes taken. */
  private channelOver = false
  private panic: string | undefined
  private panicTimer: ReturnType<typeof setTimeout> | undefined
  private counts: Readonly<Record<string, number>> = {}
  private readonly readers = new Set<() => void>()
  private readonly senders = new Set<() => void>()
  private readonly pausers = new Set<() => void>()

  attach(machine: NativeMachine): void {
    this.machine = machine
  }

  /** The doorbell. */
  readonly ring = (): void => {
    const { machine } = this
    if (machine === undefined) return
    const accepts = this.buffered < highWater
    const taken = machine.take(bit(nativePorts.com1) | (accepts ? bit(nativePorts.com2) : 0))
    const console = taken.bytes[nativePorts.com1]
    if (console !== undefined) this.read(this.log.push(console))
    const channel = taken.bytes[nativePorts.com2]
    if (channel !== undefined) {
      this.chunks.push(channel)
      this.buffered += channel.length
    }
    if (taken.sent & bit(nativePorts.com2)) wake(this.senders)
    if (taken.paused) wake(this.pausers)
    if (taken.exit !== undefined) this.finish(taken.exit)
    if (this.over && accepts) this.channelOver = true
    if (channel !== undefined || this.channelOver) wake(this.readers)
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
    this.channelOver = true
    for (const waiting of [this.readers, this.senders, this.pausers]) wake(waiting)
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
    wake(this.senders)
    wake(this.pausers)
    Deferred.unsafeDone(this.exit, Effect.succeed(this.cause(exit)))
  }

  private cause({ kind, message, registers }: NativeExit): VmExit {
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

  private readonly pull: Effect.Effect<Option.Option<readonly [Chunk.Chunk<Uint8Array>, undefined]>> = Effect.suspend(
    () => {
      if (this.chunks.length > 0) {
        const taken = Chunk.unsafeFromArray(this.chunks)
        const wasFull = this.buffered >= highWater
        this.chunks = []
        this.buffered = 0
        if (wasFull) this.ring()
        return Effect.succeed(Option.some([taken, undefined] as const))
      }
      return this.channelOver ? Effect.succeed(Option.none()) : Effect.zipRight(change(this.readers), this.pull)
    }
  )

  /** Waits among `waiting` from before `act`, so that no answer is missed. `act` says whether there is anything to wait for. */
  private after(waiting: Set<() => void>, act: (machine: NativeMachine) => boolean, over: VmmError) {
    return Effect.async<void, VmmError>((resume) => {
      if (this.over || this.machine === undefined) return resume(Effect.fail(over))
      const go = (): void => resume(this.over ? Effect.fail(over) : Effect.void)
      waiting.add(go)
      if (!act(this.machine)) {
        waiting.delete(go)
        resume(Effect.void)
      }
      return Effect.sync(() => waiting.delete(go))
    })
  }

  readonly channel: Vm["channel"] = {
    incoming: Stream.unfoldChunkEffect(undefined, () => this.pull),
    send: (bytes) => this.after(this.senders, (machine) => machine.send(nativePorts.com2, bytes) > mostUnread, lost())
  }

  readonly stats: Vm["stats"] = Effect.sync(() => this.machine?.statistics() ?? this.counts)

  readonly pause: Effect.Effect<void, VmmError> = Effect.suspend(() =>
    this.after(
      this.pausers,
      (machine) => {
        machine.pause()
        return true
      },
      ended("pause")
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

  /** The kernel's numbers of the vCPUs' threads. */
  get threadIds(): ReadonlyArray<number> {
    return this.machine?.threadIds() ?? []
  }
}

const wake = (waiting: Set<() => void>): void => {
  const resumes = [...waiting]
  waiting.clear()
  for (const resume of resumes) resume()
}

const change = (waiting: Set<() => void>): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    const go = (): void => resume(Effect.void)
    waiting.add(go)
    return Effect.sync(() => waiting.delete(go))
  })
