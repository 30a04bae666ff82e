/**
 * Codecs that describe a payload once for both directions.
 *
 * @since 0.1.0
 */
import { WireError, type WireReader, type WireWriter } from "./Wire.ts"

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
