/**
 * xz payloads of kernel images: one stream of LZMA2 blocks, on x86 with the filter for branches (tukaani.org/xz/xz-file-format.txt;
 * the kernel's scripts/xz_wrap.sh).
 *
 * @since 0.1.0
 */
import { crc32 } from "node:zlib"
import type { PayloadCodec } from "@ktstr/core"
import { Effect } from "effect"
import { undoBcjX86 } from "./BcjX86.ts"
import { decodeLzma2 } from "./Lzma2.ts"

const streamHeaderSize = 12
/** 2.1.1.2: bytes of each type of check; reserved types have sizes too. */
const checkSizes = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64] as const
const crc32Check = 1
/** 5.3: filter ids. */
const filters = { x86: 0x04, lzma2: 0x21 } as const

/** 1.2: little-endian groups of 7 bits, at most 9. */
const readVli = (bytes: Uint8Array, from: number): readonly [value: number, end: number] => {
  let value = 0
  for (let i = 0; i < 9; i++) {
    const byte = bytes[from + i]
    if (byte === undefined) break
    value += (byte & 0x7f) * 128 ** i
    if (byte < 0x80) return [value, from + i + 1]
  }
  throw new Error("a number in a header is malformed")
}

interface BlockHeader {
  readonly size: number
  readonly uncompressed: number | undefined
  readonly x86: boolean
}

const readHeader = (bytes: Uint8Array, from: number): BlockHeader => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const size = (bytes[from]! + 1) * 4
  if (from + size > bytes.length) throw new Error("a block header runs past the end")
  if (crc32(bytes.subarray(from, from + size - 4)) !== view.getUint32(from + size - 4, true)) {
    throw new Error("a block header has a wrong checksum")
  }
  const flags = bytes[from + 1]!
  let at = from + 2
  const vli = (): number => {
    const [value, end] = readVli(bytes, at)
    at = end
    return value
  }
  if ((flags & 0x40) !== 0) vli()
  const uncompressed = (flags & 0x80) !== 0 ? vli() : undefined
  const chain = Array.from({ length: (flags & 3) + 1 }, () => {
    const id = vli()
    const properties = vli()
    at += properties
    return { id, properties }
  })
  const known =
    chain.at(-1)?.id === filters.lzma2 &&
    // Properties of the x86 filter would be a start offset.
    chain.slice(0, -1).every(({ id, properties }) => id === filters.x86 && properties === 0) &&
    chain.length <= 2
  if (!known) throw new Error(`filters ${chain.map(({ id }) => `0x${id.toString(16)}`).join(", ")} are not supported`)
  return { size, uncompressed, x86: chain.length === 2 }
}

/** The kernel's build makes one block; its header need not tell the size, which the payload's trailer has. */
const decode = (stream: Uint8Array, size: number): Uint8Array => {
  if (stream.length < streamHeaderSize) throw new Error("the stream header is cut short")
  const check = stream[7]! & 0xf
  const header = readHeader(stream, streamHeaderSize)
  if (header.uncompressed !== undefined && header.uncompressed !== size) {
    throw new Error(`a first block of ${header.uncompressed} bytes instead of the ${size} its trailer promises`)
  }
  const { bytes, end } = decodeLzma2(stream, streamHeaderSize + header.size, size)
  if (header.x86) undoBcjX86(bytes)
  const checkAt = Math.ceil(end / 4) * 4
  if (checkAt + checkSizes[check]! > stream.length) throw new Error("the checksum is cut short")
  if (check === crc32Check) {
    const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength)
    if (crc32(bytes) !== view.getUint32(checkAt, true)) throw new Error("the data has a wrong checksum")
  }
  return bytes
}

/**
 * Unpacks an xz stream. Blocks the event loop while it does (about 20 MB/s).
 *
 * @since 0.1.0
 * @category codecs
 */
export const xzCodec: PayloadCodec = (stream, size) =>
  Effect.try({ try: () => decode(stream, size), catch: (cause) => cause })
