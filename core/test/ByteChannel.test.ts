import { PassThrough, Writable } from "node:stream"
import { expect, it } from "@effect/vitest"
import { Chunk, Effect, Exit, Fiber, Stream } from "effect"
import { ByteInbox, channelOfStreams } from "../src/machine/index.ts"

const mebibyte = 2 ** 20

it.live("accepts 4 MiB, says when there is room again, and loses nothing", () =>
  Effect.gen(function* () {
    let calls = 0
    const inbox = new ByteInbox(() => calls++)
    for (let n = 0; n < 4; n++) {
      expect(inbox.accepts).toBe(true)
      inbox.receive(new Uint8Array(mebibyte).fill(n))
    }
    expect(inbox.accepts).toBe(false)
    const two = yield* Stream.runCollect(Stream.take(inbox.stream, 2))
    expect(Chunk.toReadonlyArray(two).map((bytes) => bytes[0])).toEqual([0, 1])
    expect([inbox.accepts, calls]).toEqual([true, 1])
    inbox.receive(Uint8Array.of(9))
    inbox.end()
    inbox.end()
    expect(Chunk.toReadonlyArray(yield* Stream.runCollect(inbox.stream)).at(-1)).toEqual(Uint8Array.of(9))
  })
)

it.live("ends for a reader that already waits", () =>
  Effect.gen(function* () {
    const inbox = new ByteInbox(() => {})
    const reader = yield* Effect.fork(Stream.runCollect(inbox.stream))
    yield* Effect.sleep(5)
    inbox.receive(Uint8Array.of(1))
    yield* Effect.sleep(5)
    inbox.end()
    expect(Chunk.size(yield* Fiber.join(reader))).toBe(1)
  })
)

it.live("is closed to senders when the guest's direction has ended, or when a write fails", () =>
  Effect.gen(function* () {
    const from = new PassThrough()
    const written: Array<string> = []
    const to = new Writable({
      write: (chunk, _, done) => {
        written.push(String(chunk))
        done(written.length > 1 ? new Error("no more") : null)
      }
    }).on("error", () => {})
    const channel = channelOfStreams(from, to)
    yield* channel.send(new TextEncoder().encode("a"))
    expect(yield* Effect.flip(channel.send(new TextEncoder().encode("b")))).toMatchObject({
      reason: "ChannelLost",
      message: "the channel to the guest (COM2) is closed: no more; the console tells why the machine ended"
    })
    from.end()
    expect(Exit.isSuccess(yield* Effect.exit(Stream.runDrain(channel.incoming)))).toBe(true)
    expect((yield* Effect.flip(channel.send(Uint8Array.of(1)))).message).toBe(
      "the channel to the guest (COM2) is closed; the console tells why the machine ended"
    )
  })
)
