/**
 * The page tables a kernel is entered with: the first 4 GiB mapped one to one, which holds all that the 64-bit boot protocol wants
 * mapped (kernel, zero page, command line) and the initramfs. The kernel replaces them within its first instructions.
 *
 * @since 0.1.0
 */

/** Present, writable (Intel SDM volume 3, table 4-15). */
const table = 0b11
/** And page size: an entry of a page directory that maps 2 MiB (table 4-18). */
const page = 0x80 | table
const pageSize = 4096
const entries = 512
const gigabytes = 4

/**
 * PML4, page-directory-pointer table and one page directory for each GiB, to be written at `address`, which is below 4 GiB. Pages of
 * 2 MiB: every 64-bit processor has them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const identityPageTables = (address: number): Uint8Array => {
  const bytes = new Uint8Array((2 + gigabytes) * pageSize)
  const view = new DataView(bytes.buffer)
  // Of 8 bytes; what is mapped and the tables themselves have addresses of 32 bits.
  const set = (at: number, entry: number): void => view.setUint32(at, entry, true)
  const directories = address + 2 * pageSize
  set(0, address + pageSize + table)
  for (let g = 0; g < gigabytes; g++) set(pageSize + 8 * g, directories + g * pageSize + table)
  for (let i = 0; i < gigabytes * entries; i++) set(2 * pageSize + 8 * i, i * 2 ** 21 + page)
  return bytes
}
