/**
 * The serial ports of a deterministic machine as files. A file accepts every byte at once, however late the host reads it,
 * and has no input.
 *
 * @since 0.1.0
 */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { PassThrough, Writable } from "node:stream"
import { openNameless } from "@ktstr/core/host"
import { VmmError } from "@ktstr/core/machine"
import { Duration, Effect, Fiber, Schedule, type Scope } from "effect"
import type { Ports } from "./Ports.ts"

/** How often the host looks for new bytes. */
const interval = Duration.millis(20)

/** After this many bytes have been read, the file's memory for them is freed. */
const freed = 16 * 1024 * 1024

/** Frees the memory of a file's first bytes. If that fails they cost memory, nothing else. */
const free = (file: number, length: number): void => {
  const child = spawn("fallocate", ["--punch-hole", "--offset", "0", "--length", `${length}`, "/proc/self/fd/3"], {
    stdio: ["ignore", "ignore", "ignore", file]
  })
  child.on("error", () => {})
}

/**
 * Streams the bytes of a growing file from its first byte; ends after the writer has ended and everything is read. Reads no more than the stream has
 * room for; the rest stays in the file.
 */
const follow = (
  file: number
): { readonly stream: PassThrough; readonly read: () => void; readonly end: () => void } => {
  const stream = new PassThrough()
  const chunk = Buffer.allocUnsafe(256 * 1024)
  let at = 0
  let holes = 0
  let ending = false
  const read = (): void => {
    while (!stream.writableEnded && !stream.destroyed && !stream.writableNeedDrain) {
      const count = fs.readSync(file, chunk, 0, chunk.length, at)
      if (count === 0) {
        if (ending) stream.end()
        return
      }
      at += count
      if (at - holes >= freed) {
        holes = at
        free(file, at)
      }
      stream.write(Buffer.from(chunk.subarray(0, count)))
    }
  }
  stream.on("drain", read)
  return {
    stream,
    read,
    end: () => {
      ending = true
      read()
    }
  }
}

const refusing = (): Writable => {
  const stream = new Writable({
    write: (_chunk, _encoding, callback) => callback(new Error("a deterministic machine takes no input from its host"))
  })
  // The writer's callback reports it; without a listener the error would end this process.
  return stream.on("error", () => {})
}

/**
 * @since 0.1.0
 * @category models
 */
export interface FilePorts extends Ports {
  /** Files of COM1 and COM2, inherited by qemu. */
  readonly files: readonly [number, number]
}

/**
 * Makes two nameless files in shared memory, which qemu opens as `paths`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeFilePorts = (
  paths: readonly [consolePath: string, channelPath: string]
): Effect.Effect<FilePorts, VmmError, Scope.Scope> =>
  Effect.gen(function* () {
    const open = (name: string) =>
      Effect.acquireRelease(
        Effect.try({
          try: () => openNameless("/dev/shm", name),
          catch: (cause) =>
            new VmmError({ reason: "Io", message: `can't make the file of a serial port in /dev/shm: ${cause}`, cause })
        }),
        (file) => Effect.sync(() => fs.closeSync(file))
      )
    const files = [yield* open("com1"), yield* open("com2")] as const
    const [console, channel] = [follow(files[0]), follow(files[1])]
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        console.stream.destroy()
        channel.stream.destroy()
      })
    )
    const look = Effect.sync(() => {
      console.read()
      channel.read()
    })
    const looking = yield* Effect.forkScoped(Effect.repeat(look, Schedule.spaced(interval)))
    return {
      kind: "file",
      files,
      consolePath: paths[0],
      channelPath: paths[1],
      console: console.stream,
      incoming: channel.stream,
      outgoing: refusing(),
      forget: Effect.void,
      writerGone: () => {
        Effect.runFork(Fiber.interrupt(looking))
        console.end()
        channel.end()
      }
    }
  })
