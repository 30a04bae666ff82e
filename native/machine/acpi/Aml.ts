/**
 * The subset of the ACPI Machine Language that a table of devices needs (ACPI 6.5, chapter 20), and resource
 * descriptors (chapter 6.4).
 *
 * @since 0.1.0
 */
import { ascii, concat, type Field, u8, u16, u32, u64 } from "../Field.ts"

const op = {
  zero: 0x00,
  one: 0x01,
  name: 0x08,
  byte: 0x0a,
  word: 0x0b,
  dword: 0x0c,
  string: 0x0d,
  qword: 0x0e,
  scope: 0x10,
  buffer: 0x11,
  package: 0x12,
  extended: 0x5b,
  device: 0x82
} as const

/**
 * 20.2.4: the length of itself and of what follows, in one byte up to 63, otherwise 4 bits in the first byte and 8 in
 * each further byte.
 */
const withLength = (...content: ReadonlyArray<Field>): Field => {
  const body = concat(...content)
  if (body.length + 1 < 64) return concat(u8(body.length + 1), body)
  const extra = body.length + 2 < 1 << 12 ? 1 : body.length + 3 < 1 << 20 ? 2 : 3
  const length = body.length + 1 + extra
  if (length >= 1 << 28) throw new RangeError(`an AML package of ${length} bytes; at most 2^28 − 1 fit`)
  const rest = Array.from({ length: extra }, (_, i) => u8((length >>> (4 + 8 * i)) & 0xff))
  return concat(u8((extra << 6) | (length & 0xf)), ...rest, body)
}

/** 20.2.2: segments of four characters, padded with underscores; a path of segments, possibly from the root. */
const path = (name: string): Field => {
  const rooted = name.startsWith("\\")
  const segment = rooted ? name.slice(1) : name
  if (!/^[A-Z_][A-Z0-9_]{0,3}$/.test(segment)) throw new RangeError(`'${name}' is no AML name of one segment`)
  return ascii((rooted ? "\\" : "") + segment.padEnd(4, "_"))
}

/**
 * Parts of AML.
 *
 * @since 0.1.0
 * @category encoding
 */
export const Aml = {
  /** The shortest form of a number (20.2.3). */
  integer: (value: number): Field => {
    if (value === 0) return u8(op.zero)
    if (value === 1) return u8(op.one)
    if (value < 2 ** 8) return concat(u8(op.byte), u8(value))
    if (value < 2 ** 16) return concat(u8(op.word), u16(value))
    if (value < 2 ** 32) return concat(u8(op.dword), u32(value))
    return concat(u8(op.qword), u64(value))
  },
  /** ASCII. */
  string: (text: string): Field => concat(u8(op.string), ascii(text), u8(0)),
  name: (name: string, value: Field): Field => concat(u8(op.name), path(name), value),
  scope: (name: string, ...content: ReadonlyArray<Field>): Field =>
    concat(u8(op.scope), withLength(path(name), ...content)),
  device: (name: string, ...content: ReadonlyArray<Field>): Field =>
    concat(u8(op.extended), u8(op.device), withLength(path(name), ...content)),
  package: (...elements: ReadonlyArray<Field>): Field =>
    concat(u8(op.package), withLength(u8(elements.length), ...elements)),
  buffer: (bytes: Field): Field => concat(u8(op.buffer), withLength(Aml.integer(bytes.length), bytes)),
  /** A compressed EISA id such as `PNP0501` (6.1.5, _HID): three letters of 5 bits and four hex digits, big-endian. */
  eisaId: (id: string): Field => {
    if (!/^[A-Z]{3}[0-9A-F]{4}$/.test(id)) throw new RangeError(`'${id}' is no EISA id`)
    const letter = (i: number): number => id.charCodeAt(i) - 0x40
    const vendor = (letter(0) << 10) | (letter(1) << 5) | letter(2)
    const product = Number.parseInt(id.slice(3), 16)
    return concat(u8(op.dword), u8(vendor >>> 8), u8(vendor & 0xff), u8(product >>> 8), u8(product & 0xff))
  },
  /** Resource descriptors with their end tag, whose checksum 0 means "not checked" (6.4.2.9). */
  resources: (...descriptors: ReadonlyArray<Field>): Field => Aml.buffer(concat(...descriptors, u8(0x79), u8(0)))
} as const

/**
 * Resource descriptors.
 *
 * @since 0.1.0
 * @category encoding
 */
export const Resource = {
  /** `count` I/O ports from a fixed one, decoded with 16 bits (6.4.2.5). */
  ports: (first: number, count: number): Field => concat(u8(0x47), u8(1), u16(first), u16(first), u8(1), u8(count)),
  /** A GSI, consumed, edge-triggered, active high, exclusive (6.4.3.6). */
  edgeInterrupt: (gsi: number): Field => concat(u8(0x89), u16(6), u8(0b0011), u8(1), u32(gsi)),
  /** Read-write memory at a fixed 32-bit address (6.4.3.4). */
  memory: (address: number, size: number): Field => concat(u8(0x86), u16(9), u8(1), u32(address), u32(size))
} as const
