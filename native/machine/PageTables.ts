/**
 * The page tables a kernel is entered with: the first 4 GiB mapped one to one, which holds all that the 64-bit boot protocol wants
 * mapped (kernel, zero page, command line) and the initramfs. The kernel replaces them within its first instructions.
 *
 * @since 0.1.0
 */

/** Present, writable (Intel SDM volume 3, table 4-15). */
const table = 0b11n
/** And page size: an entry of a page directory that maps 2 MiB (table 4-18). */
const page = 0x80n | table
const pageSize = 4096
const entries = 512
const gigabytes = 4

/**
 * PML4, page-directory-pointer table and one page directory for each GiB, to be written at `address`. Pages of 2 MiB: every 64-bit
 * processor has them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const identityPageTables = (address: number): Uint8Array => {
  const bytes = new Uint8Array((2 + gigabytes) * pageSize)
  const view = new DataView(bytes.buffer)
  const directories = address + 2 * pageSize
  view.setBigUint64(0, BigInt(address + pageSize) | table, true)
  for (let g = 0; g < gigabytes; g++) {
    view.setBigUint64(pageSize + 8 * g, BigInt(directories + g * pageSize) | table, true)
    for (let i = 0; i < entries; i++) {
      const at = (2 + g) * pageSize + 8 * i
      view.setBigUint64(at, (BigInt(g * entries + i) << 21n) | page, true)
    }
  }
  return bytes
}
