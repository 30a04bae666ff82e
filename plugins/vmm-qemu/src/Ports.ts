/**
 * The serial ports of a machine as named pipes, which qemu's `pipe` character device opens.
 *
 * Not sockets: qemu writes a byte at a time, of which a UNIX socket takes 280 before it makes the guest wait (each counts as a
 * buffer of its own), and a wait for the host shows in the guest's time. A pipe takes 64 KiB.
 *
 * @since 0.1.0
 */
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import { Socket } from "node:net"
import { tmpdir } from "node:os"
import type { Readable, Writable } from "node:stream"
import { runtime } from "@ktstr/core/base"
import { ownPrefix } from "@ktstr/core/host"
import { VmmError } from "@ktstr/core/machine"
import { Effect, type Scope } from "effect"

/**
 * @since 0.1.0
 * @category models
 */
export interface Ports {
  /** Which of qemu's character devices they are. */
  readonly kind: "pipe" | "file"
  /** What `-chardev KIND,path=` takes for COM1 and COM2. */
  readonly consolePath: string
  readonly channelPath: string
  /** From the guest; each ends when qemu is gone. */
  readonly console: Readable
  readonly incoming: Readable
  /** To the guest. */
  readonly outgoing: Writable
  /** Removes the names. Call it when qemu has opened the pipes; closing the scope does it as well. */
  readonly forget: Effect.Effect<void>
  /** Call it when qemu has ended, so that the streams end. */
  readonly writerGone: () => void
}

const io = (what: string, cause: unknown): VmmError =>
  new VmmError({ reason: "Io", message: `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, cause })

const makePipes = (paths: ReadonlyArray<string>): Effect.Effect<void, VmmError> =>
  // Not interruptible: its directory must not be removed while it runs.
  Effect.async<void, VmmError>((resume) => {
    execFile("mkfifo", ["-m", "600", ...paths], (cause) =>
      resume(cause === null ? Effect.void : Effect.fail(io("can't make the pipes of the serial ports", cause)))
    )
  }).pipe(Effect.uninterruptible)

const { O_NONBLOCK, O_RDONLY, O_RDWR } = fs.constants

/** One end of a pipe, opened before qemu opens the other. */
interface End<A> {
  readonly stream: A
  /** Call it when the writer has ended, which the stream does not notice by itself. */
  readonly writerGone: () => void
  readonly close: () => void
}

const openSocket = (path: string, readable: boolean): End<Socket> => {
  // A read-only end neither blocks nor ends before a writer has opened and closed the pipe; a write-only end would be refused.
  const fd = fs.openSync(path, (readable ? O_RDONLY : O_RDWR) | O_NONBLOCK)
  const stream = new Socket({ fd, readable, writable: !readable })
  return { stream, writerGone: () => {}, close: () => stream.destroy() }
}

/**
 * For runtimes whose sockets don't accept pipes: each read and write blocks a thread, of which Deno has hundreds and Node only four. A reader has a
 * writer of its own, so that opening does not wait for qemu.
 */
const openStream = (path: string, readable: boolean): End<Readable | Writable> => {
  const both = fs.openSync(path, readable ? O_RDWR | O_NONBLOCK : O_RDWR)
  if (!readable) {
    const stream = fs.createWriteStream(path, { fd: both })
    return { stream, writerGone: () => {}, close: () => stream.destroy() }
  }
  const stream = fs.createReadStream(path, { fd: fs.openSync(path, O_RDONLY) })
  let kept = true
  const writerGone = () => {
    if (kept) fs.closeSync(both)
    kept = false
  }
  return {
    stream,
    writerGone,
    close: () => {
      writerGone()
      stream.destroy()
    }
  }
}

const openEnd = runtime === "node" ? openSocket : openStream

const openPipe = (path: string, direction: "read" | "write") =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const end = openEnd(path, direction === "read")
        // "close" reports a peer that dies during a write; without a listener the error would end this process.
        end.stream.on("error", () => {})
        return end
      },
      catch: (cause) => io(`can't open the serial port's pipe ${path}`, cause)
    }),
    (end) => Effect.sync(end.close)
  )

/**
 * Makes the pipes in a private directory `ktstr-PID-…` (see core's `ProcessMark`) under the temporary one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makePorts: Effect.Effect<Ports, VmmError, Scope.Scope> = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.try({
      try: () => fs.mkdtempSync(`${tmpdir()}/${ownPrefix()}`),
      catch: (cause) => io(`can't make a directory in ${tmpdir()}`, cause)
    }),
    (path) => Effect.sync(() => fs.rmSync(path, { recursive: true, force: true }))
  )
  const consolePath = `${directory}/console`
  const channelPath = `${directory}/channel`
  // qemu reads what ends in .in (qemu, chardev/char-pipe.c).
  yield* makePipes([consolePath, channelPath].flatMap((path) => [`${path}.in`, `${path}.out`]))
  const console = yield* openPipe(`${consolePath}.out`, "read")
  const incoming = yield* openPipe(`${channelPath}.out`, "read")
  const outgoing = yield* openPipe(`${channelPath}.in`, "write")
  return {
    kind: "pipe",
    consolePath,
    channelPath,
    console: console.stream as Readable,
    incoming: incoming.stream as Readable,
    outgoing: outgoing.stream as Writable,
    forget: Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true })),
    writerGone: () => {
      console.writerGone()
      incoming.writerGone()
    }
  }
})
