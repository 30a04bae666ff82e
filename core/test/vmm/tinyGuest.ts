// A guest of a few dozen bytes that enters by PVH: marks memory, says a line on COM1, echoes COM2, and ends as told.
import * as fs from "node:fs"

/** Where the guest writes {@link mark} as a little-endian word before it says anything. */
export const markAddress = 0x200000
export const mark = 0xfeedface

const textAt = 0x101000
const codeAt = 0x100000

const le16 = (n: number): Array<number> => [n & 0xff, (n >> 8) & 0xff]
const le32 = (n: number): Array<number> => [...le16(n & 0xffff), ...le16((n >>> 16) & 0xffff)]

/** 32-bit protected mode, flat, paging and interrupts off (xen/include/public/arch-x86/hvm/start_info.h). */
const dx = (port: number): Array<number> => [0x66, 0xba, ...le16(port)]
const halt = [0xf4, 0xeb, 0xfd]

const endings = {
  /** ACPI PM1a control, S5 (ACPI 6.5, 4.8.3.2.1), where SeaBIOS puts it on q35. */
  poweroff: [...dx(0x604), 0x66, 0xb8, ...le16(0x2000), 0x66, 0xef, ...halt],
  /** Reset control register of ICH9. */
  reset: [...dx(0xcf9), 0xb0, 0x06, 0xee, ...halt],
  /** An exception without an IDT. */
  tripleFault: [0x0f, 0x01, 0x1d, ...le32(markAddress + 16), 0xcc],
  hang: halt
} as const

export type Ending = keyof typeof endings

const code = (ending: Ending): Array<number> => [
  // mov dword [markAddress], mark
  ...[0xc7, 0x05, ...le32(markAddress), ...le32(mark)],
  // mov esi, text; mov dx, 0x3f8; lodsb; test al, al; jz +3; out dx, al; jmp -8
  ...[0xbe, ...le32(textAt), ...dx(0x3f8), 0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8],
  // mov dx, 0x2fd; in al, dx; test al, 1; jz -9; mov dx, 0x2f8; in al, dx; out dx, al; cmp al, 'Q'; jnz -19
  ...[...dx(0x2fd), 0xec, 0xa8, 0x01, 0x74, 0xf7, ...dx(0x2f8), 0xec, 0xee, 0x3c, 0x51, 0x75, 0xed],
  ...endings[ending]
]

/** Writes the guest as an ELF kernel. `text` goes to COM1 first; the guest ends once it has echoed a `Q`. */
export const writeTinyGuest = (path: string, ending: Ending, text: string): void => {
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
  segment(64, 1, 0x1000, codeAt, 0x2000, 0x1000)
  segment(120, 4, 0x200, 0, 24, 4)
  // namesz, descsz, type PHYS32_ENTRY, "Xen", the entry
  file.set([...le32(4), ...le32(8), ...le32(0x12), 0x58, 0x65, 0x6e, 0, ...le32(codeAt), ...le32(0)], 0x200)
  file.set(code(ending), 0x1000)
  file.set(Buffer.from(text, "utf8"), 0x2000)
  fs.writeFileSync(path, file)
}
