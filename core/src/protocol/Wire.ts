/**
 * The primitive encodings of docs/protocol.md: a growing writer and a bounds-checked reader.
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
