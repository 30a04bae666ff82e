/**
 * The primitive encodings of docs/protocol.md: a growing writer, a bounds-checked reader, and codecs that describe a payload once for both
 * directions.
 *
 * @since 0.1.0
 */

/**
 * A payload violates the protocol. Readers and writers throw it only inside this folder; the modules that decode frames turn it into a
 * `ProtocolError` with the stream offset.
 *
 * @since 0.1.0
 * @category errors
 */
export class WireError extends Error {}

const textEncoder = new TextEncoder()
const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * Appends little-endian values to a growing buffer.
 *
 * @since 0.1.0
 * @category models
 */
export class WireWriter {
  private buffer = new Uint8Array(256)
  private view = new DataView(this.buffer.buffer)
  private length = 0

  private reserve(bytes: number): number {
    const at = this.length
    const needed = at + bytes
    if (needed > this.buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.buffer.length * 2))
      grown.set(this.buffer.subarray(0, at))
      this.buffer = grown
      this.view = new DataView(grown.buffer)
    }
    this.length = needed
    return at
  }

  private integer(value: number, min: number, max: number, name: string): number {
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new WireError(`${value} does not fit in ${name}`)
    }
    return value
  }

  u8(value: number): void {
    const at = this.reserve(1)
    this.view.setUint8(at, this.integer(value, 0, 0xff, "u8"))
  }
  u16(value: number): void {
    const at = this.reserve(2)
    this.view.setUint16(at, this.integer(value, 0, 0xffff, "u16"), true)
  }
  u32(value: number): void {
    const at = this.reserve(4)
    this.view.setUint32(at, this.integer(value, 0, 0xffffffff, "u32"), true)
  }
  i32(value: number): void {
    const at = this.reserve(4)
    this.view.setInt32(at, this.integer(value, -0x80000000, 0x7fffffff, "i32"), true)
  }
  u64(value: bigint): void {
    if (value < 0n || value > 0xffffffffffffffffn) {
      throw new WireError(`${value} does not fit in u64`)
    }
    const at = this.reserve(8)
    this.view.setBigUint64(at, value, true)
  }
  raw(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length)
    this.buffer.set(bytes, at)
  }
  bytes(bytes: Uint8Array): void {
    this.u32(bytes.length)
    this.raw(bytes)
  }
  str(text: string): void {
    if (text.includes("\0")) {
      throw new WireError(`string ${JSON.stringify(text)} has a NUL`)
    }
    this.bytes(textEncoder.encode(text))
  }

  /** Returns a copy of what was written. */
  finish(): Uint8Array {
    return this.buffer.slice(0, this.length)
  }
}

/**
 * Reads little-endian values; reading past the end throws a `WireError` that names the byte.
 *
 * @since 0.1.0
 * @category models
 */
export class WireReader {
  private readonly view: DataView
  private at = 0
  private depth = 0

  constructor(private readonly data: Uint8Array) {
    this.view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  }

  /** Number of bytes not read yet. */
  get remaining(): number {
    return this.data.length - this.at
  }

  /** Number of bytes read so far. */
  get position(): number {
    return this.at
  }

  private take(bytes: number): number {
    if (bytes > this.remaining) {
      throw new WireError(`payload ends at byte ${this.data.length}, ${bytes} more were expected at byte ${this.at}`)
    }
    const at = this.at
    this.at += bytes
    return at
  }

  u8(): number {
    return this.view.getUint8(this.take(1))
  }
  u16(): number {
    return this.view.getUint16(this.take(2), true)
  }
  u32(): number {
    return this.view.getUint32(this.take(4), true)
  }
  i32(): number {
    return this.view.getInt32(this.take(4), true)
  }
  u64(): bigint {
    return this.view.getBigUint64(this.take(8), true)
  }
  bool(): boolean {
    const at = this.at
    const value = this.u8()
    if (value > 1) {
      throw new WireError(`bool is ${value} at byte ${at}`)
    }
    return value === 1
  }
  bytes(): Uint8Array {
    const length = this.u32()
    const at = this.take(length)
    return this.data.slice(at, at + length)
  }
  str(): string {
    const at = this.at
    const bytes = this.bytes()
    let text: string
    try {
      text = textDecoder.decode(bytes)
    } catch {
      throw new WireError(`string at byte ${at} is not UTF-8`)
    }
    if (text.includes("\0")) {
      throw new WireError(`string at byte ${at} has a NUL`)
    }
    return text
  }
  /** Reads a list's length and checks that the rest of the payload can hold that many items. */
  count(minimumItemBytes: number): number {
    const at = this.at
    const count = this.u32()
    if (count * minimumItemBytes > this.remaining) {
      throw new WireError(`list of ${count} at byte ${at} does not fit in the payload`)
    }
    return count
  }
  /** Runs `read` one level deeper; throws a `WireError` if the nesting exceeds `limit` levels. */
  nested<A>(limit: number, read: () => A): A {
    if (this.depth >= limit) {
      throw new WireError(`nested deeper than ${limit} at byte ${this.at}`)
    }
    this.depth += 1
    const value = read()
    this.depth -= 1
    return value
  }
  /** Throws a `WireError` if bytes are left over. */
  end(): void {
    if (this.remaining > 0) {
      throw new WireError(`${this.remaining} bytes left over at byte ${this.at}`)
    }
  }
}

/**
 * One encoding for both directions. `size` is the minimum number of bytes of a value.
 *
 * @since 0.1.0
 * @category models
 */
export interface Codec<A> {
  readonly size: number
  readonly write: (writer: WireWriter, value: A) => void
  readonly read: (reader: WireReader) => A
}

/**
 * An unsigned 8-bit integer.
 *
 * @since 0.1.0
 * @category codecs
 */
export const u8: Codec<number> = { size: 1, write: (w, v) => w.u8(v), read: (r) => r.u8() }

/**
 * An unsigned 16-bit integer, little-endian.
 *
 * @since 0.1.0
 * @category codecs
 */
export const u16: Codec<number> = { size: 2, write: (w, v) => w.u16(v), read: (r) => r.u16() }

/**
 * An unsigned 32-bit integer, little-endian.
 *
 * @since 0.1.0
 * @category codecs
 */
export const u32: Codec<number> = { size: 4, write: (w, v) => w.u32(v), read: (r) => r.u32() }

/**
 * A signed 32-bit integer, little-endian.
 *
 * @since 0.1.0
 * @category codecs
 */
export const i32: Codec<number> = { size: 4, write: (w, v) => w.i32(v), read: (r) => r.i32() }

/**
 * `u64` as a number: times, durations and counters, which stay below 2^53 (104 days of nanoseconds).
 *
 * @since 0.1.0
 * @category codecs
 */
export const u64: Codec<number> = {
  size: 8,
  write: (w, v) => {
    if (!Number.isSafeInteger(v) || v < 0) {
      throw new WireError(`${v} does not fit in u64`)
    }
    w.u64(BigInt(v))
  },
  read: (r) => {
    const at = r.position
    const value = r.u64()
    if (value > 0x1fffffffffffffn) {
      throw new WireError(`${value} at byte ${at} is over 2^53`)
    }
    return Number(value)
  }
}

/**
 * `u64` as a bigint: kernel addresses.
 *
 * @since 0.1.0
 * @category codecs
 */
export const address: Codec<bigint> = { size: 8, write: (w, v) => w.u64(v), read: (r) => r.u64() }

/**
 * A boolean as one byte, 0 or 1; reading rejects any other value.
 *
 * @since 0.1.0
 * @category codecs
 */
export const bool: Codec<boolean> = { size: 1, write: (w, v) => w.u8(v ? 1 : 0), read: (r) => r.bool() }

/**
 * A string: its length in bytes as `u32`, then UTF-8 without NUL.
 *
 * @since 0.1.0
 * @category codecs
 */
export const str: Codec<string> = { size: 4, write: (w, v) => w.str(v), read: (r) => r.str() }

/**
 * Bytes: their number as `u32`, then the bytes.
 *
 * @since 0.1.0
 * @category codecs
 */
export const bytes: Codec<Uint8Array> = { size: 4, write: (w, v) => w.bytes(v), read: (r) => r.bytes() }

/**
 * Makes the codec of a list: the number of items as `u32`, then the items.
 *
 * @since 0.1.0
 * @category codecs
 */
export const list = <A>(item: Codec<A>): Codec<ReadonlyArray<A>> => ({
  size: 4,
  write: (w, values) => {
    w.u32(values.length)
    for (const value of values) {
      item.write(w, value)
    }
  },
  read: (r) => {
    const count = r.count(item.size)
    return Array.from({ length: count }, () => item.read(r))
  }
})

/**
 * Makes the codec of an optional value: a `bool`, followed by the value if it is true.
 *
 * @since 0.1.0
 * @category codecs
 */
export const opt = <A>(item: Codec<A>): Codec<A | undefined> => ({
  size: 1,
  write: (w, value) => {
    w.u8(value === undefined ? 0 : 1)
    if (value !== undefined) {
      item.write(w, value)
    }
  },
  read: (r) => (r.bool() ? item.read(r) : undefined)
})

/**
 * CPU numbers in strictly ascending order; writing sorts them, reading rejects any other order.
 *
 * @since 0.1.0
 * @category codecs
 */
export const cpus: Codec<ReadonlyArray<number>> = {
  size: 4,
  write: (w, values) =>
    list(u32).write(
      w,
      [...new Set(values)].sort((a, b) => a - b)
    ),
  read: (r) => {
    const at = r.position
    const values = list(u32).read(r)
    if (values.some((cpu, index) => index > 0 && cpu <= values[index - 1]!)) {
      throw new WireError(`CPU numbers at byte ${at} do not ascend`)
    }
    return values
  }
}

/**
 * One of these names, encoded as its index in a `u8`.
 *
 * @since 0.1.0
 * @category codecs
 */
export const oneOf = <N extends string>(...names: ReadonlyArray<N>): Codec<N> => ({
  size: 1,
  write: (w, name) => w.u8(names.indexOf(name)),
  read: (r) => {
    const at = r.position
    const number = r.u8()
    const name = names[number]
    if (name === undefined) {
      throw new WireError(`${number} at byte ${at} is none of ${names.join(", ")}`)
    }
    return name
  }
})

/**
 * One of these names, encoded as its number in a `u8`.
 *
 * @since 0.2.0
 * @category codecs
 */
export const numbered = <N extends string>(numbers: Readonly<Record<N, number>>): Codec<N> => {
  const names = new Map((Object.entries<number>(numbers) as Array<[N, number]>).map(([name, number]) => [number, name]))
  return {
    size: 1,
    write: (w, name) => w.u8(numbers[name]),
    read: (r) => {
      const at = r.position
      const number = r.u8()
      const name = names.get(number)
      if (name === undefined) {
        const known = [...names].map(([value, of]) => `${value} ${of}`).join(", ")
        throw new WireError(`${number} at byte ${at} is none of ${known}`)
      }
      return name
    }
  }
}

/**
 * Fields one after another, in the order of the object's keys.
 *
 * @since 0.1.0
 * @category codecs
 */
export const struct = <F extends Record<string, unknown>>(
  fields: { readonly [K in keyof F]: Codec<F[K]> }
): Codec<{
  readonly [K in keyof F]: F[K]
}> => {
  const entries = Object.entries(fields) as ReadonlyArray<[keyof F & string, Codec<F[keyof F]>]>
  return {
    size: entries.reduce((sum, [, codec]) => sum + codec.size, 0),
    write: (w, value) => {
      for (const [name, codec] of entries) {
        codec.write(w, value[name])
      }
    },
    read: (r) => {
      const value: Partial<F> = {}
      for (const [name, codec] of entries) {
        value[name as keyof F] = codec.read(r) as F[keyof F & string]
      }
      return value as F
    }
  }
}
