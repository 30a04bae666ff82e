/**
 * LZ4 payloads of kernel images, in the legacy frame `lz4 -l` writes (lz4, doc/lz4_Frame_format.md, "Legacy frame").
 *
 * @since 0.1.0
 */
import type { PayloadCodec } from "@ktstr/core"
import { Effect } from "effect"

const magicSize = 4
const minMatch = 4

/** Lengths of 15 go on in bytes of 255 up to the first that is less (doc/lz4_Block_format.md). */
const longLength = 15

/** One block from `from` to `end` into `out` at `at`; gives the end of what it wrote. */
const decodeBlock = (bytes: Uint8Array, from: number, end: number, out: Uint8Array, at: number): number => {
  let read = from
  let write = at
  const length = (nibble: number): number => {
    let total = nibble
    if (nibble === longLength) {
      for (let more = 255; more === 255; read++) {
        if (read >= end) throw new Error("a length runs past its block")
        more = bytes[read]!
        total += more
      }
    }
    return total
  }
  while (read < end) {
    const token = bytes[read++]!
    const literals = length(token >>> 4)
    if (read + literals > end || write + literals > out.length) throw new Error("literals run past their block")
    out.set(bytes.subarray(read, read + literals), write)
    read += literals
    write += literals
    // The last sequence of a block has no match.
    if (read === end) break
    const offset = bytes[read]! | (bytes[read + 1]! << 8)
    read += 2
    const match = length(token & 15) + minMatch
    if (offset === 0 || offset > write - at || write + match > out.length) {
      throw new Error(`a match of ${match} bytes from ${offset} back leaves its block`)
    }
    if (offset >= match) out.copyWithin(write, write - offset, write - offset + match)
    else for (let i = 0; i < match; i++) out[write + i] = out[write + i - offset]!
    write += match
  }
  return write
}

const decode = (stream: Uint8Array, size: number): Uint8Array => {
  const out = new Uint8Array(size)
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength)
  let written = 0
  for (let at = magicSize; at < stream.length; ) {
    const block = view.getUint32(at, true)
    const end = at + 4 + block
    if (end > stream.length) throw new Error(`a block ends at byte ${end}, the stream has ${stream.length}`)
    written = decodeBlock(stream, at + 4, end, out, written)
    at = end
  }
  if (written !== size) throw new Error(`${written} bytes instead of the ${size} its trailer promises`)
  return out
}

/**
 * Unpacks an LZ4 stream. Blocks the event loop while it does.
 *
 * @since 0.1.0
 * @category codecs
 */
export const lz4Codec: PayloadCodec = (stream, size) =>
  Effect.try({ try: () => decode(stream, size), catch: (cause) => cause })
