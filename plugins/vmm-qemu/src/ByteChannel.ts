/**
 * COM2 of the guest as a byte pipe.
 *
 * @since 0.1.0
 */
import type { Readable, Writable } from "node:stream"
import { type Vm, VmmError, Waiting } from "@ktstr/core/machine"
import { Chunk, Effect, Option, Stream } from "effect"

/** Bytes kept for a reader that is behind before the guest is made to wait. */
const highWater = 4 * 1024 * 1024

const lost = (cause?: unknown): VmmError =>
  new VmmError({
    reason: "ChannelLost",
    message: `the channel to the guest (COM2) is closed${cause instanceof Error ? `: ${cause.message}` : ""}; the console tells why the machine ended`,
    cause
  })

/**
 * Makes the channel of a machine from the two directions of its COM2. `incoming` has one reader, or several that share the bytes; a
 * reader that is behind by 4 MiB holds the guest up instead of filling the host.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeByteChannel = (from: Readable, to: Writable): Vm["channel"] => {
  let chunks: Array<Uint8Array> = []
  let buffered = 0
  let ended = false
  const waiting = new Waiting()

  const end = (): void => {
    ended = true
    waiting.wake()
  }

  from.on("data", (bytes: Uint8Array) => {
    chunks.push(bytes)
    buffered += bytes.length
    if (buffered > highWater) from.pause()
    waiting.wake()
  })
  from.on("end", end)
  from.on("close", end)
  // A killed machine resets the connection: to readers that is its end.
  from.on("error", end)

  const changed = waiting.waitUnless(() => ended || chunks.length > 0)

  const pull: Effect.Effect<Option.Option<readonly [Chunk.Chunk<Uint8Array>, undefined]>> = Effect.suspend(() => {
    if (chunks.length > 0) {
      const taken = Chunk.unsafeFromArray(chunks)
      chunks = []
      buffered = 0
      if (from.isPaused()) from.resume()
      return Effect.succeed(Option.some([taken, undefined] as const))
    }
    return ended ? Effect.succeed(Option.none()) : Effect.zipRight(changed, pull)
  })

  return {
    incoming: Stream.unfoldChunkEffect(undefined, () => pull),
    send: (bytes) =>
      Effect.async<void, VmmError>((resume) => {
        if (ended || to.destroyed) return resume(Effect.fail(lost()))
        to.write(bytes, (error) => resume(error ? Effect.fail(lost(error)) : Effect.void))
      })
  }
}
