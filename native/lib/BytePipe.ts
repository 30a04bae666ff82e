/**
 * One port of a native machine as a byte pipe: the channel (COM2), or the virtio console.
 *
 * @since 0.1.0
 */

import { type Vm, VmmError, Waiting } from "@ktstr/core/machine"
import { Chunk, Effect, Option, Stream } from "effect"
import { MachineWaiting } from "./MachineWaiting.ts"
import type { NativeMachine, NativePort } from "./NativeBinding.ts"

/** Bytes kept for a reader that is behind; beyond, they stay with the device, which holds the guest up. */
const highWater = 4 * 1024 * 1024
/** A sender waits while the guest has so much to read. */
const mostUnread = 64 * 1024

/**
 * @since 0.1.0
 * @category models
 */
export interface BytePipeOptions {
  readonly port: NativePort
  /** For messages: what is closed when the machine has ended. */
  readonly name: string
  /** The machine while it runs. */
  readonly machine: () => NativeMachine | undefined
  /** Takes what the machine has: called when there is room again. */
  readonly ring: () => void
}

/**
 * Fed by {@link NativeRun}, which takes the bytes of all ports at once.
 *
 * @since 0.1.0
 * @category models
 */
export class BytePipe {
  private chunks: Array<Uint8Array> = []
  private buffered = 0
  private over = false
  private readonly readers = new Waiting()
  private readonly senders = new MachineWaiting()

  constructor(private readonly options: BytePipeOptions) {}

  get port(): NativePort {
    return this.options.port
  }

  /** The port's bit in what the addon takes and gives. */
  get bit(): number {
    return 1 << this.options.port
  }

  /** Whether there is room for more. */
  get accepts(): boolean {
    return this.buffered < highWater
  }

  receive(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) return
    this.chunks.push(bytes)
    this.buffered += bytes.length
    this.readers.wake()
  }

  /** The guest has read all that was sent, or never will. */
  sent(): void {
    this.senders.wake()
  }

  /** There are no more bytes than those received. */
  end(): void {
    this.over = true
    this.readers.wake()
    this.senders.wake()
  }

  private readonly pull: Effect.Effect<Option.Option<readonly [Chunk.Chunk<Uint8Array>, undefined]>> = Effect.suspend(
    () => {
      if (this.chunks.length > 0) {
        const taken = Chunk.unsafeFromArray(this.chunks)
        const wasFull = !this.accepts
        this.chunks = []
        this.buffered = 0
        if (wasFull) this.options.ring()
        return Effect.succeed(Option.some([taken, undefined] as const))
      }
      if (this.over) return Effect.succeed(Option.none())
      return Effect.zipRight(
        this.readers.waitUnless(() => this.over || this.chunks.length > 0),
        this.pull
      )
    }
  )

  readonly incoming: Vm["channel"]["incoming"] = Stream.unfoldChunkEffect(undefined, () => this.pull)

  readonly send: Vm["channel"]["send"] = (bytes) =>
    this.senders.after(
      this.options.machine,
      (machine) => machine.send(this.options.port, bytes) > mostUnread,
      this.lost
    )

  private readonly lost = (): VmmError =>
    new VmmError({
      reason: "ChannelLost",
      message: `${this.options.name} is closed; the console tells why the machine ended`
    })
}
