/**
 * The root pointer (ACPI 6.5, table 5.3).
 *
 * @since 0.1.0
 */
import { ascii, concat, u8, u32, u64, withChecksum, zeros } from "../Field.ts"
import { oemId } from "./Table.ts"

/**
 * Size of the structure in bytes.
 *
 * @since 0.1.0
 * @category constants
 */
export const rsdpSize = 36

/** The checksum of ACPI 1.0 covers the first 20 bytes. */
const firstPart = 20

/**
 * There is no RSDT, so its pointer is 0: every 64-bit kernel reads the XSDT.
 *
 * @since 0.1.0
 * @category constructors
 */
export const rsdp = (xsdt: number): Uint8Array => {
  const first = withChecksum(concat(ascii("RSD PTR ", 8), u8(0), ascii(oemId, 6), u8(2), u32(0)), 8)
  const all = concat(first, u32(rsdpSize), u64(xsdt), u8(0), zeros(3))
  return withChecksum(all, firstPart + 12)
}
