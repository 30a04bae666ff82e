/**
 * The page tables with which a kernel is entered: the first 4 GiB mapped one to one, which includes all that the 64-bit
 * boot protocol requires (kernel, zero page, command line) and the initramfs. The kernel replaces them within its first
 * instructions.
 *
 * @since 0.1.0
 */

/** Present, writable (Intel SDM volume 3, table 4-15). */
const table = 0b11
/** Also page size: an entry of a page directory that maps 2 MiB (table 4-18). */
const page = 0x80 | table
const pageSize = 4096
const entries = 512
const gigabytes = 4

/**
 * Returns PML4, page-directory-pointer table and one page directory for each GiB, for the address `address`, which must
 * be below 4 GiB. Pages have 2 MiB, which every 64-bit processor supports.
 *
 * @since 0.1.0
 * @category constructors
 */
export const identityPageTables = (address: number): Uint8Array => {
  const bytes = new Uint8Array((2 + gigabytes) * pageSize)
  const view = new DataView(bytes.buffer)
  // Entries have 8 bytes; the mapped memory and the tables themselves have 32-bit addresses.
  const set = (at: number, entry: number): void => view.setUint32(at, entry, true)
  const directories = address + 2 * pageSize
  set(0, address + pageSize + table)
  for (let g = 0; g < gigabytes; g++) set(pageSize + 8 * g, directories + g * pageSize + table)
  for (let i = 0; i < gigabytes * entries; i++) set(2 * pageSize + 8 * i, i * 2 ** 21 + page)
  return bytes
}
