// A guest of a few dozen bytes for every backend: marks memory, prints a line on COM1, echoes COM2, and ends as requested.
import * as fs from "node:fs"

/** Where the guest writes {@link mark} as a little-endian word before it says anything. */
export const markAddress = 0x200000
export const mark = 0xfeedface

const textAt = 0x101000
const codeAt = 0x100000
/** Offset in the file of the ending's name, for a machine that does not run the code. */
const endingOffset = 0x300
const codeOffset = 0x1000
const textOffset = 0x2000

const le16 = (n: number): Array<number> => [n & 0xff, (n >> 8) & 0xff]
const le32 = (n: number): Array<number> => [...le16(n & 0xffff), ...le16((n >>> 16) & 0xffff)]

/**
 * Flat memory and interrupts off, in 32 bits (PVH: xen/include/public/arch-x86/hvm/start_info.h) as in 64 (the ELF entry of Linux's 64-bit
 * boot protocol): only encodings that mean the same in both.
 */
const dx = (port: number): Array<number> => [0x66, 0xba, ...le16(port)]
const edi = (value: number): Array<number> => [0xbf, ...le32(value)]
const halt = [0xf4, 0xeb, 0xfd]

const endings = {
  /** Sleep control of our own machine, S5 (native/machine/Layout.ts); then ACPI PM1a control where SeaBIOS puts it on q35 (ACPI 6.5, 4.8.3.2.1). */
  poweroff: [...dx(0x600), 0xb0, 0x34, 0xee, ...dx(0x604), 0x66, 0xb8, ...le16(0x2000), 0x66, 0xef, ...halt],
  /** The keyboard controller's pulse on the reset line. */
  reset: [0xb0, 0xfe, 0xe6, 0x64, ...halt],
  /** lidt [rdi] with ten zeroes there; ud2. */
  tripleFault: [...edi(markAddress + 16), 0x0f, 0x01, 0x1f, 0x0f, 0x0b],
  hang: halt
} as const

/** What the guest does once it has echoed a `Q`. */
export type Ending = keyof typeof endings

const code = (ending: Ending): Array<number> => [
  // mov dword [markAddress], mark
  ...[...edi(markAddress), 0xc7, 0x07, ...le32(mark)],
  // mov esi, text; mov dx, 0x3f8; lodsb; test al, al; jz +3; out dx, al; jmp -8
  ...[0xbe, ...le32(textAt), ...dx(0x3f8), 0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8],
  // mov dx, 0x2fd; in al, dx; test al, 1; jz -9; mov dx, 0x2f8; in al, dx; out dx, al; cmp al, 'Q'; jnz -19
  ...[...dx(0x2fd), 0xec, 0xa8, 0x01, 0x74, 0xf7, ...dx(0x2f8), 0xec, 0xee, 0x3c, 0x51, 0x75, 0xed],
  ...endings[ending]
]

/** What {@link writeTinyGuest} wrote; throws when the file is none of its. */
export const readTinyGuest = (path: string): { readonly ending: Ending; readonly text: string } => {
  const file = fs.readFileSync(path)
  const stringAt = (offset: number): string => file.toString("utf8", offset, file.indexOf(0, offset))
  const ending = stringAt(endingOffset)
  if (!(ending in endings)) throw new Error(`${path} is no kernel`)
  return { ending: ending as Ending, text: stringAt(textOffset) }
}

/** The instructions of an ending, for a guest of one's own. */
export const endingCode = (ending: Ending): ReadonlyArray<number> => endings[ending]

/**
 * Writes the guest as an ELF kernel. `text` goes to COM1 first; the guest ends once it has echoed a `Q`. With `instructions` it runs those instead.
 */
export const writeTinyGuest = (
  path: string,
  ending: Ending,
  text: string,
  instructions: ReadonlyArray<number> = code(ending)
): void => {
  const file = Buffer.alloc(0x3000)
  const segment = (at: number, type: number, offset: number, address: number, size: number, align: number): void => {
    file.writeUInt32LE(type, at)
    file.writeUInt32LE(7, at + 4)
    for (const [i, value] of [offset, address, address, size, size, align].entries()) {
      file.writeBigUInt64LE(BigInt(value), at + 8 + i * 8)
    }
  }
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  file.writeUInt16LE(2, 16)
  file.writeUInt16LE(62, 18)
  file.writeUInt32LE(1, 20)
  file.writeBigUInt64LE(BigInt(codeAt), 24)
  file.writeBigUInt64LE(64n, 32)
  file.writeUInt16LE(64, 52)
  file.writeUInt16LE(56, 54)
  file.writeUInt16LE(2, 56)
  segment(64, 1, codeOffset, codeAt, 0x2000, 0x1000)
  segment(120, 4, 0x200, 0, 24, 4)
  // namesz, descsz, type PHYS32_ENTRY, "Xen", the entry
  file.set([...le32(4), ...le32(8), ...le32(0x12), 0x58, 0x65, 0x6e, 0, ...le32(codeAt), ...le32(0)], 0x200)
  file.write(ending, endingOffset)
  file.set(instructions, codeOffset)
  file.set(Buffer.from(text, "utf8"), textOffset)
  fs.writeFileSync(path, file)
}
