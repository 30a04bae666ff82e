/**
 * The channel to a guest as a byte pipe: what every backend offers as {@link Vm.channel}.
 *
 * @since 0.2.0
 */
import type { Readable, Writable } from "node:stream"
import { Chunk, Effect, Exit, Mailbox, Option, Stream } from "effect"
import { type Vm, VmmError } from "./Vmm.ts"

/** Bytes kept for a reader that is behind before the guest has to wait. */
const highWater = 4 * 1024 * 1024

/**
 * Bytes from a guest that wait for their reader. The sender asks {@link accepts} before it gives more, so that a reader that is behind by 4 MiB holds
 * the guest up instead of filling the host's memory.
 *
 * @since 0.2.0
 * @category models
 */
export class ByteInbox {
  private readonly mailbox = Effect.runSync(Mailbox.make<Uint8Array>())
  private buffered = 0

  /** `onRoom` is called when the reader has taken bytes and {@link accepts} becomes true again. */
  constructor(private readonly onRoom: () => void) {}

  /** Whether there is room for more. */
  get accepts(): boolean {
    return this.buffered < highWater
  }

  receive(bytes: Uint8Array): void {
    this.buffered += bytes.length
    this.mailbox.unsafeOffer(bytes)
  }

  /** No more bytes will come. */
  end(): void {
    this.mailbox.unsafeDone(Exit.void)
  }

  /** All bytes for one reader, or for several that share them; ends after {@link end}. */
  readonly stream: Stream.Stream<Uint8Array> = Stream.unfoldChunkEffect(undefined, () =>
    Effect.map(this.mailbox.takeAll, ([taken, over]) => {
      if (over && Chunk.isEmpty(taken)) return Option.none()
      const wasFull = !this.accepts
      for (const bytes of taken) this.buffered -= bytes.length
      if (wasFull && this.accepts) this.onRoom()
      return Option.some([taken, undefined] as const)
    })
  )
}

/**
 * Makes a channel from the two directions of a stream. `lost` is the error of a send after the end; it is given the cause, if there is one.
 *
 * @since 0.2.0
 * @category constructors
 */
export const channelOfStreams = (
  from: Readable,
  to: Writable,
  lost: (cause?: unknown) => VmmError = channelLost
): Vm["channel"] => {
  const inbox = new ByteInbox(() => from.resume())
  let ended = false
  const end = (): void => {
    ended = true
    inbox.end()
  }
  from.on("data", (bytes: Uint8Array) => {
    inbox.receive(bytes)
    if (!inbox.accepts) from.pause()
  })
  from.on("end", end)
  from.on("close", end)
  // A killed machine resets the connection: to readers that is its end.
  from.on("error", end)
  return {
    incoming: inbox.stream,
    send: (bytes) =>
      Effect.async<void, VmmError>((resume) => {
        if (ended || to.destroyed) return resume(Effect.fail(lost()))
        to.write(bytes, (error) => resume(error ? Effect.fail(lost(error)) : Effect.void))
      })
  }
}

/**
 * The error of a send to a machine that has ended. `port` names the pipe.
 *
 * @since 0.2.0
 * @category errors
 */
export const channelLost = (cause?: unknown, port = "the channel to the guest (COM2)"): VmmError =>
  new VmmError({
    reason: "ChannelLost",
    message: `${port} is closed${cause instanceof Error ? `: ${cause.message}` : ""}; the console tells why the machine ended`,
    cause
  })
