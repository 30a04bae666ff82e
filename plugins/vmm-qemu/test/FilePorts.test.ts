import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, it } from "@effect/vitest"
import { channelOfStreams } from "@ktstr/core/machine"
import { Chunk, Effect, Stream } from "effect"
import { makeFilePorts } from "../src/FilePorts.ts"

const mebibyte = 1024 * 1024

/** Writes this many MiB, as a guest that floods a port, and returns their SHA-256. */
const flood = (file: number, mebibytes: number): string => {
  const hash = createHash("sha256")
  const out = fs.openSync(`/proc/self/fd/${file}`, "w")
  for (let n = 0; n < mebibytes; n++) {
    const bytes = Buffer.alloc(mebibyte, n)
    hash.update(bytes)
    fs.writeSync(out, bytes)
  }
  fs.closeSync(out)
  return hash.digest("hex")
}

describe("the ports of a deterministic machine", () => {
  it.live("hold no more than the channel's 4 MiB of a flood that nobody reads, and lose nothing of it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const ports = yield* makeFilePorts(["com1", "com2"])
        const channel = channelOfStreams(ports.incoming, ports.outgoing)
        const before = process.memoryUsage().arrayBuffers
        const sent = flood(ports.files[1], 96)
        // Twenty times as often as the host looks.
        yield* Effect.promise(() => sleep(400))
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(24 * mebibyte)
        ports.writerGone()
        const hash = createHash("sha256")
        let most = 0
        yield* Stream.runForEach(channel.incoming, (bytes) =>
          Effect.sync(() => {
            hash.update(bytes)
            most = Math.max(most, bytes.length)
          })
        )
        expect(hash.digest("hex")).toBe(sent)
        expect(most).toBeLessThanOrEqual(mebibyte)
      })
    )
  )

  it.live("give the memory of what was read back", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const ports = yield* makeFilePorts(["com1", "com2"])
        ports.console.resume()
        flood(ports.files[0], 96)
        const blocks = () => fs.fstatSync(ports.files[0]).blocks * 512
        for (let waited = 0; blocks() > 32 * mebibyte && waited < 10_000; waited += 50) {
          yield* Effect.promise(() => sleep(50))
        }
        expect(blocks()).toBeLessThanOrEqual(32 * mebibyte)
      })
    )
  )

  it.live("end when the machine has, behind the last byte", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const ports = yield* makeFilePorts(["com1", "com2"])
        const channel = channelOfStreams(ports.incoming, ports.outgoing)
        fs.writeSync(ports.files[1], "last words")
        ports.writerGone()
        const said = Chunk.toArray(yield* Stream.runCollect(channel.incoming))
        expect(Buffer.concat(said).toString()).toBe("last words")
      })
    )
  )
})
