/**
 * Little-endian fields. The machine's structures are composed of them in the order of the tables in their
 * specification.
 *
 * @since 0.1.0
 */

/**
 * The bytes of one field or of a run of them.
 *
 * @since 0.1.0
 * @category models
 */
export type Field = Uint8Array

const integer = (width: number, value: number): Field => {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * width)) {
    throw new RangeError(`${value} does not fit an unsigned field of ${width} bytes`)
  }
  const bytes = new Uint8Array(width)
  let rest = value
  for (let i = 0; i < width; i++) {
    bytes[i] = rest % 256
    rest = Math.floor(rest / 256)
  }
  return bytes
}

/**
 * @since 0.1.0
 * @category fields
 */
export const u8 = (value: number): Field => integer(1, value)

/**
 * @since 0.1.0
 * @category fields
 */
export const u16 = (value: number): Field => integer(2, value)

/**
 * @since 0.1.0
 * @category fields
 */
export const u32 = (value: number): Field => integer(4, value)

/**
 * Exact up to 2^53 − 1, which is enough for the addresses and sizes of machines.
 *
 * @since 0.1.0
 * @category fields
 */
export const u64 = (value: number): Field => {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no exact integer`)
  return integer(8, value)
}

const encoder = new TextEncoder()

/**
 * Returns text of exactly `width` bytes, padded with spaces; by default, as for ACPI signatures, without padding.
 *
 * @since 0.1.0
 * @category fields
 */
export const ascii = (text: string, width = text.length): Field => {
  if (text.length > width) throw new RangeError(`"${text}" does not fit ${width} bytes`)
  return encoder.encode(text.padEnd(width, " "))
}

/**
 * Returns reserved bytes, all zero.
 *
 * @since 0.1.0
 * @category fields
 */
export const zeros = (count: number): Field => new Uint8Array(count)

/**
 * @since 0.1.0
 * @category constructors
 */
export const concat = (...fields: ReadonlyArray<Field>): Uint8Array => {
  let size = 0
  for (const field of fields) size += field.length
  const bytes = new Uint8Array(size)
  let at = 0
  for (const field of fields) {
    bytes.set(field, at)
    at += field.length
  }
  return bytes
}

/**
 * Returns a copy in which the byte at `at` makes the sum of all bytes 0 modulo 256, as ACPI and MP tables require.
 *
 * @since 0.1.0
 * @category constructors
 */
export const withChecksum = (bytes: Uint8Array, at: number): Uint8Array => {
  const sealed = bytes.slice()
  sealed[at] = 0
  let sum = 0
  for (const byte of sealed) sum += byte
  sealed[at] = -sum & 0xff
  return sealed
}
