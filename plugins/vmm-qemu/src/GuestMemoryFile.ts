/**
 * Accesses guest memory through the files that back it.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import type { GuestMemory } from "@ktstr/core/machine"
import type { RamSegment } from "@ktstr/core/topology"

const hex = (value: number): string => `0x${value.toString(16)}`

/**
 * Reads and writes guest-physical addresses by positional I/O on the nodes' files, which the machine shares. A range that
 * leaves RAM throws `RangeError`; one that crosses from one node's file to the next does not.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeGuestMemoryFile = (segments: ReadonlyArray<RamSegment>, files: ReadonlyArray<number>): GuestMemory => {
  const size = segments.reduce((sum, segment) => sum + segment.size, 0)

  const each = (
    address: number,
    length: number,
    transfer: (file: number, from: number, count: number, position: number) => number
  ): void => {
    let done = 0
    while (done < length) {
      const at = address + done
      const segment = segments.find((s) => at >= s.address && at < s.address + s.size)
      const file = segment === undefined ? undefined : files[segment.node]
      if (segment === undefined || file === undefined) {
        throw new RangeError(`guest-physical ${hex(at)} is not RAM (access of ${length} bytes at ${hex(address)})`)
      }
      const within = at - segment.address
      const count = Math.min(length - done, segment.size - within)
      const moved = transfer(file, done, count, segment.offset + within)
      if (moved === 0) throw new RangeError(`guest-physical ${hex(at)}: the memory file ends before it`)
      done += moved
    }
  }

  const checked = (address: number, length: number): void => {
    if (!Number.isSafeInteger(address) || address < 0 || !Number.isSafeInteger(length) || length < 0) {
      throw new RangeError(`guest-physical access of ${length} bytes at ${address}: not a range`)
    }
  }

  return {
    size,
    read: (address, length) => {
      checked(address, length)
      if (length > size) throw new RangeError(`guest-physical read of ${length} bytes: the machine has ${size}`)
      const bytes = new Uint8Array(length)
      each(address, length, (file, from, count, position) => fs.readSync(file, bytes, from, count, position))
      return bytes
    },
    write: (address, bytes) => {
      checked(address, bytes.length)
      // Looked up first, so that nothing is written if the range leaves RAM.
      each(address, bytes.length, (_file, _from, count) => count)
      each(address, bytes.length, (file, from, count, position) => fs.writeSync(file, bytes, from, count, position))
    }
  }
}
