/**
 * The header of all ACPI tables except the RSDP (ACPI 6.5, table 5.4).
 *
 * @since 0.1.0
 */
import { ascii, concat, type Field, u8, u32, withChecksum } from "../Field.ts"

/**
 * The manufacturer of the tables; six characters.
 *
 * @since 0.1.0
 * @category constants
 */
export const oemId = "KTSTR"

const headerSize = 36
const checksumAt = 9

/**
 * Returns a table with header, length and checksum.
 *
 * @since 0.1.0
 * @category constructors
 */
export const acpiTable = (signature: string, revision: number, ...body: ReadonlyArray<Field>): Uint8Array => {
  const content = concat(...body)
  return withChecksum(
    concat(
      ascii(signature, 4),
      u32(headerSize + content.length),
      u8(revision),
      u8(0),
      ascii(oemId, 6),
      ascii("MACHINE", 8),
      u32(1),
      ascii("KTST", 4),
      u32(1),
      content
    ),
    checksumAt
  )
}
