/**
 * Guest memory in this process.
 *
 * @since 0.1.0
 */
import type { GuestMemory } from "@ktstr/core/machine"

/**
 * Guest memory that can also be read without copying.
 *
 * @since 0.1.0
 * @category models
 */
export interface NativeMemory extends GuestMemory {
  /**
   * Returns the guest's own bytes, which may change at any time and are gone (length 0) with the machine. Throws like
   * `read`.
   */
  readonly view: (address: number, length: number) => Uint8Array
}

const hex = (value: number): string => `0x${value.toString(16)}`

/**
 * Creates guest memory over one buffer that contains the segments one after another; the buffer is requested at the
 * first access. A range that leaves RAM throws `RangeError`; once the machine is gone, every range does.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeNativeMemory = (
  buffer: () => ArrayBuffer,
  segments: ReadonlyArray<{ readonly address: number; readonly size: number }>
): NativeMemory => {
  const size = segments.reduce((sum, segment) => sum + segment.size, 0)
  let offset = 0
  const placed = segments.map((segment) => {
    const at = { ...segment, offset }
    offset += segment.size
    return at
  })
  let mapped: Uint8Array | undefined
  const all = (): Uint8Array => {
    mapped ??= new Uint8Array(buffer())
    return mapped
  }

  const offsetOf = (address: number, length: number): number => {
    if (!Number.isSafeInteger(address) || address < 0 || !Number.isSafeInteger(length) || length < 0) {
      throw new RangeError(`guest-physical access of ${length} bytes at ${address}: not a range`)
    }
    if (all().length === 0) throw new RangeError(`guest-physical ${hex(address)}: the machine is gone`)
    let at = address
    let rest = length
    let from: number | undefined
    // Segments that are adjacent in the guest are adjacent in the buffer, so a range may cross from one to the next.
    for (const segment of placed) {
      if (at < segment.address || at >= segment.address + segment.size) continue
      from ??= segment.offset + at - segment.address
      const count = Math.min(rest, segment.address + segment.size - at)
      at += count
      rest -= count
      if (rest === 0) return from
    }
    if (length === 0 && from !== undefined) return from
    throw new RangeError(`guest-physical ${hex(at)} is not RAM (access of ${length} bytes at ${hex(address)})`)
  }

  const view = (address: number, length: number): Uint8Array => {
    const from = offsetOf(address, length)
    return all().subarray(from, from + length)
  }
  return {
    size,
    view,
    read: (address, length) => view(address, length).slice(),
    write: (address, bytes) => all().set(bytes, offsetOf(address, bytes.length))
  }
}
