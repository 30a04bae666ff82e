/**
 * Writes to standard output and standard error, and reports every failure to write.
 *
 * @since 0.2.0
 */
import { writeSync } from "node:fs"
import { Socket } from "node:net"

/**
 * Describes a failed write.
 *
 * @since 0.2.0
 * @category models
 */
export interface OutputFault {
  readonly stream: "standard output" | "standard error"
  /** The name of the errno, e.g. `ENOSPC`. */
  readonly code: string
  /** One line. */
  readonly message: string
  /** The stream was a terminal that hung up. */
  readonly hungUp: boolean
}

/**
 * Writes to a standard stream.
 *
 * @since 0.2.0
 * @category models
 */
export interface StandardStream {
  /** Writes all data in order, and calls `done` when the system has taken it or the write failed. After the first failure it writes nothing. */
  readonly write: (data: string | Uint8Array, done?: () => void) => void
}

const reasons: Readonly<Record<string, string>> = {
  EBADF: "it is not open for writing",
  EFBIG: "the file would be larger than is allowed here (ulimit -f)",
  EIO: "input/output error",
  ENOSPC: "no space left on device",
  EDQUOT: "the disk quota is used up"
}

const faultOf = (stream: OutputFault["stream"], terminal: boolean, error: unknown): OutputFault => {
  const { code = "", message = String(error) } = (error ?? {}) as NodeJS.ErrnoException
  const reason = reasons[code] ?? message.split("\n", 1)[0]!.replace(/^E[A-Z0-9]+: |, write$/g, "")
  return {
    stream,
    code,
    message: `can't write to ${stream}: ${reason}${code === "" ? "" : ` (${code})`}`,
    hungUp: terminal && (code === "EIO" || code === "ENXIO")
  }
}

/**
 * Opens the stream of a file descriptor. `onFault` is called at most once, perhaps from within `write`.
 *
 * Files are written without Node's stream, which silently drops data that a full disk did not take, and all data for kinds of descriptors that
 * it does not know.
 *
 * @since 0.2.0
 * @category constructors
 */
export const openStandardStream = (fd: 1 | 2, onFault: (fault: OutputFault) => void): StandardStream => {
  const stream = fd === 1 ? process.stdout : process.stderr
  const name = fd === 1 ? "standard output" : "standard error"
  const terminal = stream.isTTY === true
  let broken = false
  const fail = (error: unknown) => {
    if (broken) return
    broken = true
    onFault(faultOf(name, terminal, error))
  }
  stream.on("error", fail)
  if (stream instanceof Socket) {
    const send = stream.write.bind(stream)
    return {
      write: (data, done = () => {}) => {
        if (broken || !stream.writable) return done()
        send(data, (error) => {
          if (error) fail(error)
          done()
        })
      }
    }
  }
  return {
    write: (data, done) => {
      const bytes = typeof data === "string" ? Buffer.from(data) : data
      try {
        for (let at = 0; at < bytes.length && !broken; ) at += writeSync(fd, bytes, at)
      } catch (error) {
        fail(error)
      }
      done?.()
    }
  }
}
