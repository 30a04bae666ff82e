/**
 * The host's side of the telemetry ring in guest memory (docs/protocol.md, "Ring").
 *
 * @since 0.1.0
 */
import { Either } from "effect"
import type { GuestMemory } from "../machine/index.ts"
import { ProtocolError } from "../protocol/index.ts"
import { nodeMemoryMb, type Topology } from "../topology/index.ts"

const magic = "KTSTRING"
const headOffset = 64n
const tailOffset = 128n
const inputHeadOffset = 192
const inputTailOffset = 256
const dataOffset = 4096
/** Minimum size of the data area: one page, as the header promises whole pages. An empty area would cause a division by zero. */
const minDataBytes = 4096

/**
 * Location of the ring: 128 MiB is above every kernel image and its early allocations, and below the smallest guest memory (256 MiB), so one address
 * fits all guests.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultRing: { readonly address: number; readonly size: number } = {
  address: 0x0800_0000,
  size: 16 * 1024 * 1024
}

/**
 * Returns the ring of a deterministic guest, which ignores how far the host has read: a whole run must fit. Unwritten pages take no host memory. If
 * the first node has less than 640 MiB, the default ring is used.
 *
 * @since 0.1.0
 * @category constants
 */
export const deterministicRing = (
  topology: Topology,
  memoryMb: number
): { readonly address: number; readonly size: number } => {
  const [first = 0] = Either.getOrElse(nodeMemoryMb(topology, memoryMb), () => [])
  return first >= 640 ? { address: defaultRing.address, size: 256 * 1024 * 1024 } : defaultRing
}

/**
 * Reads what the agent has written since the last call.
 *
 * @since 0.1.0
 * @category models
 */
export interface RingReader {
  /** Returns bytes in stream order, possibly none; an inconsistent ring is a `ProtocolError` at the stream offset. */
  readonly drain: () => Either.Either<Uint8Array, ProtocolError>
}

/**
 * Makes a reader for the ring at this address. The reader checks the header at the first call of `drain`; with `readOnly` it never writes to guest
 * memory.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeRingReader = (
  memory: GuestMemory,
  ring: { readonly address: number; readonly size: number },
  options: { readonly readOnly?: boolean | undefined } = {}
): RingReader => {
  let tail = 0n
  let dataSize = 0

  const u64 = (offset: bigint): bigint => {
    const bytes = memory.read(ring.address + Number(offset), 8)
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true)
  }
  const fail = (message: string) =>
    Either.left(new ProtocolError({ offset: Number(tail), message: `ring: ${message}` }))

  const open = (): Either.Either<void, ProtocolError> => {
    const header = memory.read(ring.address, 20)
    const view = new DataView(header.buffer, header.byteOffset, 20)
    const found = new TextDecoder("latin1").decode(header.subarray(0, 8))
    if (found !== magic) return fail(`no ring at 0x${ring.address.toString(16)}`)
    if (view.getUint32(8, true) !== 1) return fail(`version ${view.getUint32(8, true)}, this host knows version 1`)
    const [forData, forInput] = [view.getUint32(12, true), view.getUint32(16, true)]
    if (forData + forInput !== ring.size - dataOffset)
      return fail(`data size ${forData} and input size ${forInput} do not fit the ${ring.size} bytes reserved`)
    if (forData < minDataBytes) return fail(`data size ${forData} is less than the ${minDataBytes} bytes a ring has`)
    dataSize = forData
    return Either.void
  }

  const piece = (at: bigint, length: number): Uint8Array =>
    memory.read(ring.address + dataOffset + Number(at % BigInt(dataSize)), length)

  const drain = (): Either.Either<Uint8Array, ProtocolError> => {
    try {
      return drainChecked()
    } catch (cause) {
      // The memory does not exist: the guest is smaller than its ring, or the machine is gone.
      if (cause instanceof RangeError) return fail(`it can't be read: ${cause.message}`)
      throw cause
    }
  }

  const drainChecked = (): Either.Either<Uint8Array, ProtocolError> => {
    if (dataSize === 0) {
      const opened = open()
      if (Either.isLeft(opened)) return Either.left(opened.left)
    }
    const head = u64(headOffset)
    const available = head - tail
    if (available < 0n || available > BigInt(dataSize)) return fail(`head ${head} and tail ${tail} disagree`)
    const length = Number(available)
    const untilWrap = Math.min(length, dataSize - Number(tail % BigInt(dataSize)))
    const bytes = new Uint8Array(length)
    if (untilWrap > 0) bytes.set(piece(tail, untilWrap), 0)
    if (length > untilWrap) bytes.set(piece(tail + BigInt(untilWrap), length - untilWrap), untilWrap)
    tail = head
    if (options.readOnly === true) return Either.right(bytes)
    const stamp = new Uint8Array(8)
    new DataView(stamp.buffer).setBigUint64(0, tail, true)
    memory.write(ring.address + Number(tailOffset), stamp)
    return Either.right(bytes)
  }

  return { drain }
}

/**
 * Writes bytes for the agent to read.
 *
 * @since 0.1.0
 * @category models
 */
export interface RingWriter {
  /** Writes as many bytes as there is room for and returns their number. The caller must then ring the doorbell. */
  readonly write: (bytes: Uint8Array) => number
}

/**
 * Makes a writer for the input area of a ring whose agent has sent `READY`; undefined if there is no such area, and commands go over COM2.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeRingWriter = (
  memory: GuestMemory,
  ring: { readonly address: number; readonly size: number }
): RingWriter | undefined => {
  const view = (offset: number, length: number): DataView => {
    const bytes = memory.read(ring.address + offset, length)
    return new DataView(bytes.buffer, bytes.byteOffset, length)
  }
  const size = view(16, 4).getUint32(0, true)
  if (size === 0 || size > ring.size - dataOffset) return undefined
  const input = ring.address + ring.size - size
  let head = 0
  return {
    write: (bytes) => {
      const taken = Number(view(inputTailOffset, 8).getBigUint64(0, true))
      // An invalid tail leaves no room; it means that the guest has failed.
      const room = taken > head ? 0 : Math.max(0, size - (head - taken))
      const part = bytes.subarray(0, room)
      if (part.length === 0) return 0
      const untilWrap = Math.min(part.length, size - (head % size))
      memory.write(input + (head % size), part.subarray(0, untilWrap))
      if (untilWrap < part.length) memory.write(input, part.subarray(untilWrap))
      head += part.length
      const stamp = new Uint8Array(8)
      new DataView(stamp.buffer).setBigUint64(0, BigInt(head), true)
      memory.write(ring.address + inputHeadOffset, stamp)
      return part.length
    }
  }
}
