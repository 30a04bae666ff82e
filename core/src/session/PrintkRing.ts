/**
 * Reads the kernel's log from guest memory (kernel/printk/printk_ringbuffer.h). This needs neither a console nor symbols, works from the kernel's
 * first message on, before there is a console, and costs the guest nothing.
 *
 * @since 0.1.0
 */
import { Buffer } from "node:buffer"
import { Effect } from "effect"
import { nextTurn } from "../base/index.ts"
import type { GuestMemory } from "../machine/index.ts"
import { printable } from "../protocol/index.ts"

/** Beginning of the first record, `linux_banner` (init/version-timestamp.c). */
const firstWords = new TextEncoder().encode("Linux version ")
const word = 8
/** Bytes that are searched in one turn of the event loop. */
const chunkBytes = 4 << 20
/** Upper limit for the size of a record with its header, in bytes (PRINTKRB_RECORD_MAX, printk.c). */
const maxRecordBytes = 4096
/** Upper limit for the size of the ring, in bytes: twice the largest ring of any distribution. */
const maxRingBytes = 4 << 20
/** `DESC_ID`: all bits except the two bits of the state. */
const idMask = (1n << 62n) - 1n

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Yields guest RAM below the PCI hole in chunks that overlap by `overlap` bytes; the kernel's static data lies there. */
function* pieces(memory: GuestMemory, overlap: number): Generator<readonly [address: number, bytes: Uint8Array]> {
  const end = Math.min(memory.size, 3 * 2 ** 30)
  for (let address = 0; address < end; address += chunkBytes) {
    try {
      yield [address, memory.read(address, Math.min(chunkBytes + overlap, end - address))]
    } catch (error) {
      if (error instanceof RangeError) return
      throw error
    }
  }
}

/** Yields every offset of `pattern`. */
function* occurrences(bytes: Uint8Array, pattern: Uint8Array): Generator<number> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = buffer.indexOf(pattern); at !== -1; at = buffer.indexOf(pattern, at + 1)) yield at
}

/** Decodes text up to the first NUL. Records contain no NUL; unused parts of the ring are zero. */
const textOf = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0)
  return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end))
}

/** Returns the texts of consecutive blocks (`struct prb_data_block`: an identifier and the text, padded to a multiple of a word). */
const textsFrom = (bytes: Uint8Array): ReadonlyArray<string> => {
  const view = viewOf(bytes)
  const texts: Array<string> = []
  let at = 0
  let id = view.getBigUint64(0, true)
  for (;;) {
    const next = (id + 1n) & idMask
    let end = at + 2 * word
    while (end + word <= bytes.length && end - at <= maxRecordBytes && view.getBigUint64(end, true) !== next)
      end += word
    const isLast = end + word > bytes.length || end - at > maxRecordBytes
    texts.push(textOf(bytes.subarray(at + word, isLast ? Math.min(at + maxRecordBytes, bytes.length) : end)))
    if (isLast) return texts
    at = end
    id = next
  }
}

/**
 * Returns whether an identifier is the first of a ring. Identifiers start at minus the number of descriptors (DESC0_ID), which before 6.19 wraps at
 * 32 bits on kernels with an `unsigned int` count. Other copies of the banner are not preceded by such a number.
 */
const isFirstId = (id: bigint): boolean => id >> 40n === idMask >> 40n || id >> 24n === 0xffn

/** Returns the texts of the log if the first record still exists. A ring that the kernel has replaced by a larger one has fewer texts. */
const findTexts = Effect.fnUntraced(function* (memory: GuestMemory): Effect.fn.Return<ReadonlyArray<string>> {
  let longest: ReadonlyArray<string> = []
  for (const [address, bytes] of pieces(memory, word + firstWords.length)) {
    for (const at of occurrences(bytes, firstWords)) {
      if (at % word !== 0 || at < word || !isFirstId(viewOf(bytes).getBigUint64(at - word, true))) continue
      const begin = address + at - word
      const texts = textsFrom(memory.read(begin, Math.min(maxRingBytes, memory.size - begin)))
      if (texts.length > longest.length) longest = texts
    }
    yield* nextTurn
  }
  return longest
})

/** `struct printk_info`: u64 seq, u64 ts_nsec, u16 text_len, u8 facility, u8 flags:5 and level:3; its size depends on the kernel configuration. */
const infoLengthAt = 2 * word
const infoSizes = { min: 3 * word, max: 40 * word }
/** Marks a notice (5) of the kernel (facility 0) that ends with a newline (LOG_NEWLINE, 2). */
const bannerMark = (5 << 5) | 2
const levelPrefix = 2

interface Info {
  readonly ns: number
  /** Bytes of text; the rest of the block was reserved but not used. */
  readonly length: number
}

/**
 * Returns the number of bytes to the end of the line. If the text had a level prefix (KERN_SOH, two bytes), the text was moved over it, and its last
 * two bytes appear twice.
 */
const firstLine = (text: string | undefined): number => new TextEncoder().encode(text?.split("\n")[0] ?? "").length

/** Finds the descriptions of the records, by number. The lengths of the first three texts identify them. */
const findInfos = Effect.fnUntraced(function* (
  memory: GuestMemory,
  texts: ReadonlyArray<string>
): Effect.fn.Return<ReadonlyArray<Info | undefined>> {
  const lengths = texts.slice(0, 3).map(firstLine)
  const first = (lengths[0] ?? 0) - levelPrefix
  const pattern = new Uint8Array([first & 0xff, first >> 8, 0, bannerMark])
  const matches = (view: DataView, at: number, record: number): boolean => {
    if (at + infoLengthAt + 2 > view.byteLength || view.getBigUint64(at, true) !== BigInt(record)) return false
    const more = (lengths[record] ?? 0) - view.getUint16(at + infoLengthAt, true)
    return more === 0 || more === levelPrefix
  }
  for (const [address, bytes] of pieces(memory, infoLengthAt + 4 * infoSizes.max)) {
    const view = viewOf(bytes)
    for (const found of occurrences(bytes, pattern)) {
      const at = found - infoLengthAt
      if (at < 0 || at % word !== 0 || !matches(view, at, 0)) continue
      for (let size = infoSizes.min; size <= infoSizes.max; size += word) {
        if (!(matches(view, at + size, 1) && matches(view, at + 2 * size, 2))) continue
        const begin = address + at
        const all = viewOf(memory.read(begin, Math.min(size * texts.length, memory.size - begin)))
        return texts.map((_, record) => {
          const info = record * size
          if (info + infoLengthAt + 2 > all.byteLength || all.getBigUint64(info, true) !== BigInt(record))
            return undefined
          return { ns: Number(all.getBigUint64(info + word, true)), length: all.getUint16(info + infoLengthAt, true) }
        })
      }
    }
    yield* nextTurn
  }
  return []
})

/** Formats lines as the console prints them (print_time, printk.c). */
const stamped = (text: string, info: Info | undefined): ReadonlyArray<string> => {
  const micros = Math.floor((info?.ns ?? 0) / 1000)
  const [seconds, rest] =
    info === undefined ? ["?", "??????"] : [Math.floor(micros / 1e6), `${micros % 1e6}`.padStart(6, "0")]
  const whole =
    info === undefined ? text : new TextDecoder().decode(new TextEncoder().encode(text).subarray(0, info.length))
  return whole.split("\n").map((line) => `[${`${seconds}`.padStart(5)}.${rest}] ${line}`)
}

/**
 * Returns the lines of the kernel's log as its console would print them, oldest first. Empty before the kernel's first message, and after its ring
 * has wrapped. Reads all guest RAM below 3 GiB in the worst case, so use it only if the agent never started.
 *
 * @since 0.1.0
 * @category introspection
 */
export const readKernelLog: (memory: GuestMemory) => Effect.Effect<ReadonlyArray<string>> = Effect.fn(
  "PrintkRing.readKernelLog"
)(function* (memory: GuestMemory) {
  const texts = yield* findTexts(memory)
  if (texts.length === 0) return []
  const infos = yield* findInfos(memory, texts)
  return texts.flatMap((text, record) => stamped(text, infos[record])).map(printable)
})
