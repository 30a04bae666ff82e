/**
 * Tells whether a kernel ELF has a PVH entry, with which the guest need not unpack a bzImage.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs/promises"

/** include/xen/interface/elfnote.h: XEN_ELFNOTE_PHYS32_ENTRY. */
const phys32Entry = 0x12
const ptNote = 4
/** Maximum size of a note segment; those of kernels are smaller than a page. */
const largestNotes = 1024 * 1024

const align4 = (n: number): number => (n + 3) & ~3

/**
 * Returns whether there is a Xen note with the 32-bit entry address in the bytes of a PT_NOTE segment (System V gABI, "Note Section").
 *
 * @since 0.1.0
 * @category parsing
 */
export const hasPhys32Entry = (notes: Uint8Array): boolean => {
  const view = new DataView(notes.buffer, notes.byteOffset, notes.byteLength)
  let at = 0
  while (at + 12 <= notes.length) {
    const nameSize = view.getUint32(at, true)
    const dataSize = view.getUint32(at + 4, true)
    const type = view.getUint32(at + 8, true)
    const name = new TextDecoder().decode(notes.subarray(at + 12, at + 12 + Math.max(0, nameSize - 1)))
    if (type === phys32Entry && name === "Xen" && dataSize >= 4) return true
    at += 12 + align4(nameSize) + align4(dataSize)
  }
  return false
}

/**
 * Returns whether the file is an x86_64 ELF with a PVH entry. False for anything else, including unreadable files: the caller then boots
 * the bzImage.
 *
 * @since 0.1.0
 * @category parsing
 */
export const isPvhKernel = async (path: string): Promise<boolean> => {
  const file = await fs.open(path, "r").catch(() => undefined)
  if (file === undefined) return false
  const read = async (position: number, length: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(length)
    const { bytesRead } = await file.read(bytes, 0, length, position)
    return bytes.subarray(0, bytesRead)
  }
  try {
    const header = await read(0, 64)
    const view = new DataView(header.buffer, 0, header.length)
    // e_ident: magic, ELFCLASS64, ELFDATA2LSB; e_machine 62 = EM_X86_64.
    if (header.length < 64 || view.getUint32(0) !== 0x7f454c46 || view.getUint16(4) !== 0x0201) return false
    if (view.getUint16(18, true) !== 62) return false
    const entrySize = view.getUint16(54, true)
    const count = view.getUint16(56, true)
    if (entrySize < 56) return false
    const table = await read(Number(view.getBigUint64(32, true)), entrySize * count)
    const entries = new DataView(table.buffer, 0, table.length)
    for (let at = 0; at + 56 <= table.length; at += entrySize) {
      if (entries.getUint32(at, true) !== ptNote) continue
      const size = Number(entries.getBigUint64(at + 32, true))
      if (size > largestNotes) continue
      if (hasPhys32Entry(await read(Number(entries.getBigUint64(at + 8, true)), size))) return true
    }
    return false
  } finally {
    await file.close()
  }
}
