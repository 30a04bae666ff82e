/**
 * Lookup tables for CRC-32 (IEEE 802.3, reflected, polynomial 0xEDB88320), which process eight bytes per step.
 *
 * @since 0.1.0
 */

const tables: ReadonlyArray<Uint32Array> = (() => {
  const all = Array.from({ length: 8 }, () => new Uint32Array(256))
  const base = all[0]!
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) {
      crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
    }
    base[byte] = crc
  }
  for (let slice = 1; slice < 8; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const previous = all[slice - 1]![byte]!
      all[slice]![byte] = (previous >>> 8) ^ base[previous & 0xff]!
    }
  }
  return all
})()

/**
 * Returns the CRC-32 of `bytes` as an unsigned 32-bit number, like zlib's `crc32`. `seed` is the CRC of the bytes before them: pass it to continue a
 * checksum.
 *
 * @since 0.1.0
 * @category constructors
 */
export const crc32 = (bytes: Uint8Array, seed = 0): number => {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array
  ]
  let crc = ~seed
  let at = 0
  for (; at + 8 <= bytes.length; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    crc =
      t7[crc & 0xff]! ^
      t6[(crc >>> 8) & 0xff]! ^
      t5[(crc >>> 16) & 0xff]! ^
      t4[crc >>> 24]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!
  }
  for (; at < bytes.length; at++) {
    crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]!) & 0xff]!
  }
  return ~crc >>> 0
}
