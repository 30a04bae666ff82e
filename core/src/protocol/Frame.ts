/**
 * Frames of the agent protocol (docs/protocol.md, "Frames"): encoding, and decoding from chunks of any size.
 *
 * @since 0.1.0
 */
import { Data } from "effect"
import { concatBytes, crc32 } from "../base/index.ts"

/**
 * The stream violates the protocol. `offset` is that of the first byte of the invalid frame; nothing after it is decoded.
 *
 * @since 0.1.0
 * @category errors
 */
export class ProtocolError extends Data.TaggedError("ProtocolError")<{
  readonly offset: number
  readonly message: string
}> {}

/**
 * A frame with a valid envelope; its payload is not decoded yet.
 *
 * @since 0.1.0
 * @category models
 */
export interface Frame {
  /** Stream offset of its first byte. */
  readonly offset: number
  readonly type: number
  readonly seq: number
  readonly payload: Uint8Array
}

/**
 * Bytes before and after a payload, the maximum payload size, and the magic number of a frame.
 *
 * @since 0.1.0
 * @category constants
 */
export const frameFormat = { headerBytes: 12, trailerBytes: 4, maxPayload: 8 * 1024 * 1024, magic: 0x534b } as const

const { headerBytes, trailerBytes, maxPayload, magic } = frameFormat

/**
 * Encodes a frame. Throws `RangeError` if the payload is too long.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeFrame = (type: number, seq: number, payload: Uint8Array): Uint8Array => {
  if (payload.length > maxPayload) {
    throw new RangeError(`A frame of ${payload.length} bytes is over the limit of ${maxPayload}; split its content`)
  }
  const bytes = new Uint8Array(headerBytes + payload.length + trailerBytes)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, payload.length, true)
  view.setUint16(4, type, true)
  view.setUint16(6, magic, true)
  view.setUint32(8, seq, true)
  bytes.set(payload, headerBytes)
  const end = headerBytes + payload.length
  view.setUint32(end, crc32(bytes.subarray(0, end)), true)
  return bytes
}

/**
 * The content that a chunk completed: frames in order, then possibly an error after them.
 *
 * @since 0.1.0
 * @category models
 */
export interface DecodedFrames {
  readonly frames: ReadonlyArray<Frame>
  readonly error: ProtocolError | undefined
}

/**
 * Decodes a stream in chunks. After an error, every further call returns that error and no frame.
 *
 * @since 0.1.0
 * @category models
 */
export interface FrameDecoder {
  readonly push: (chunk: Uint8Array) => DecodedFrames
  /** Ends the stream; returns an error if it ends inside a frame. */
  readonly end: () => ProtocolError | undefined
  /** Returns the number of bytes of complete frames so far. */
  readonly offset: () => number
  /** Returns the sequence number that the next frame must have. */
  readonly nextSeq: () => number
}

const hex = (value: number, digits: number): string => `0x${value.toString(16).toUpperCase().padStart(digits, "0")}`

/**
 * Makes a decoder. The first frame must have the number `nextSeq` (default 0); the first byte is at stream offset `offset` (default 0). A session
 * that moves to the ring continues the sequence numbers of COM2 at offset 0 of the ring.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeFrameDecoder = (start?: { readonly offset?: number; readonly nextSeq?: number }): FrameDecoder => {
  let pending = new Uint8Array(0)
  // Chunks are joined only when they can complete a frame; otherwise a large frame in small chunks would be copied again and again.
  let waiting: Array<Uint8Array> = []
  let waitingBytes = 0
  let needed = 0
  let offset = start?.offset ?? 0
  let nextSeq = start?.nextSeq ?? 0
  let failed: ProtocolError | undefined

  /** Returns the frame at `at` of `pending`, a description of what is wrong with it, or undefined if more bytes are needed. */
  const frameAt = (view: DataView, at: number): Frame | string | undefined => {
    const available = pending.length - at
    // Checks the header early, so that an invalid length never makes the receiver wait for megabytes.
    const length = available >= 4 ? view.getUint32(at, true) : 0
    if (length > maxPayload) {
      return `length ${length} is over the limit of ${maxPayload}`
    }
    if (available >= 8 && view.getUint16(at + 6, true) !== magic) {
      return `magic ${hex(view.getUint16(at + 6, true), 4)} is not ${hex(magic, 4)}`
    }
    const size = headerBytes + length + trailerBytes
    if (available < size) {
      needed = available < 8 ? available + 1 : size
      return undefined
    }
    const expected = crc32(pending.subarray(at, at + headerBytes + length))
    const found = view.getUint32(at + headerBytes + length, true)
    if (found !== expected) {
      return `CRC ${hex(found, 8)} is not ${hex(expected, 8)}`
    }
    const seq = view.getUint32(at + 8, true)
    if (seq !== nextSeq) {
      return `sequence number ${seq} is not ${nextSeq}`
    }
    const payload = pending.slice(at + headerBytes, at + headerBytes + length)
    return { offset, type: view.getUint16(at + 4, true), seq, payload }
  }

  const join = (): void => {
    pending = concatBytes([pending, ...waiting])
    waiting = []
    waitingBytes = 0
  }

  const fail = (message: string): ProtocolError => {
    failed = new ProtocolError({ offset, message: `Frame at offset ${offset}: ${message}` })
    pending = new Uint8Array(0)
    waiting = []
    waitingBytes = 0
    return failed
  }

  return {
    push: (chunk) => {
      if (failed !== undefined) {
        return { frames: [], error: failed }
      }
      waiting.push(chunk)
      waitingBytes += chunk.length
      if (pending.length + waitingBytes < needed) {
        return { frames: [], error: undefined }
      }
      join()
      const view = new DataView(pending.buffer)
      const frames: Array<Frame> = []
      let at = 0
      for (let next = frameAt(view, at); next !== undefined; next = frameAt(view, at)) {
        if (typeof next === "string") {
          return { frames, error: fail(next) }
        }
        frames.push(next)
        const size = headerBytes + next.payload.length + trailerBytes
        at += size
        offset += size
        nextSeq = (nextSeq + 1) >>> 0
      }
      pending = pending.slice(at)
      return { frames, error: undefined }
    },
    end: () => {
      const left = pending.length + waitingBytes
      return failed ?? (left === 0 ? undefined : fail(`the stream ends ${left} bytes into it`))
    },
    offset: () => offset,
    nextSeq: () => nextSeq
  }
}
