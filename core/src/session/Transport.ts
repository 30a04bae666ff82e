/**
 * Decodes the agent's events from COM2 or the ring, whichever `READY` names (docs/protocol.md, "Transport").
 *
 * @since 0.1.0
 */
import { Either } from "effect"
import type { GuestMemory } from "../machine/index.ts"
import {
  type AgentEvent,
  type DecodedFrames,
  decodeEvent,
  type Frame,
  frameFormat,
  makeFrameDecoder,
  ProtocolError,
  protocolVersion
} from "../protocol/index.ts"
import { makeRingReader, type RingReader } from "./Ring.ts"

/**
 * The content of a chunk: events in order, then possibly an error after them.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReceivedEvents {
  readonly events: ReadonlyArray<AgentEvent>
  readonly error: ProtocolError | undefined
}

/**
 * A decoder of the agent's events.
 *
 * @since 0.1.0
 * @category models
 */
export interface Transport {
  /** Decodes bytes of COM2; after an error it decodes nothing more. */
  readonly receive: (chunk: Uint8Array) => ReceivedEvents
  /** Ends the stream; returns an error if it ends inside a frame. */
  readonly end: () => ProtocolError | undefined
}

/**
 * Options of a {@link Transport}.
 *
 * @since 0.1.0
 * @category models
 */
export interface TransportOptions {
  /** Do not write to guest memory, for a guest whose ring does not wrap. Default false. */
  readonly readOnly?: boolean | undefined
  /** Receives each frame in order, before it is decoded. */
  readonly onFrame?: ((frame: Frame) => void) | undefined
}

const doorbell = 0x07

/**
 * Makes a transport. `place` is the reserved range of the ring; undefined: the agent can use only COM2.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeTransport = (
  memory: GuestMemory,
  place: { readonly address: number; readonly size: number } | undefined,
  options: TransportOptions = {}
): Transport => {
  let decoder = makeFrameDecoder()
  let ring: RingReader | undefined
  /** Bytes of the first frame until it is complete; the bytes after it may be doorbells, which are not frames. */
  let greeting: Uint8Array | undefined = new Uint8Array(0)
  let serialOffset = 0
  let greeted = false
  let broken: ProtocolError | undefined

  /** Returns what is wrong with an event's position: `READY` must come first, and only once. */
  const outOfPlace = (event: AgentEvent): string | undefined => {
    if (greeted) return event._tag === "Ready" ? "READY a second time" : undefined
    if (event._tag !== "Ready") return "the first frame is not READY"
    greeted = true
    return event.version === protocolVersion
      ? undefined
      : `READY has protocol version ${event.version}, this host knows version ${protocolVersion}`
  }

  const decode = ({ frames, error }: DecodedFrames): ReceivedEvents => {
    const events: Array<AgentEvent> = []
    for (const frame of frames) {
      options.onFrame?.(frame)
      const event = decodeEvent(frame)
      if (Either.isLeft(event)) return { events, error: event.left }
      const wrong = outOfPlace(event.right)
      if (wrong !== undefined) {
        const message = `Frame at offset ${frame.offset}: ${wrong}`
        return { events, error: new ProtocolError({ offset: frame.offset, message }) }
      }
      events.push(event.right)
    }
    return { events, error }
  }

  const fromRing = (chunk: Uint8Array): ReceivedEvents => {
    const stray = chunk.findIndex((byte) => byte !== doorbell)
    if (stray >= 0) {
      const offset = serialOffset + stray
      const message = `COM2 byte ${offset}: 0x${chunk[stray]!.toString(16)} is not the doorbell 0x07`
      return { events: [], error: new ProtocolError({ offset, message }) }
    }
    serialOffset += chunk.length
    const bytes = ring!.drain()
    return Either.isLeft(bytes) ? { events: [], error: bytes.left } : decode(decoder.push(bytes.right))
  }

  /** Extracts the first frame from the bytes so far and decodes the rest with the transport that it names. */
  const greet = (chunk: Uint8Array): ReceivedEvents => {
    const joined = new Uint8Array(greeting!.length + chunk.length)
    joined.set(greeting!)
    joined.set(chunk, greeting!.length)
    const length = joined.length < 4 ? 0 : new DataView(joined.buffer).getUint32(0, true)
    const size = frameFormat.headerBytes + length + frameFormat.trailerBytes
    const judgeable = joined.length >= frameFormat.headerBytes
    if (joined.length < size && !(judgeable && length > frameFormat.maxPayload)) {
      greeting = joined
      return { events: [], error: undefined }
    }
    greeting = undefined
    const first = decode(decoder.push(joined.subarray(0, size)))
    const ready = first.events[0]
    if (first.error !== undefined || ready === undefined) return first
    const rest = joined.subarray(size)
    serialOffset = size
    if (ready._tag === "Ready" && ready.transport === "ring" && place !== undefined) {
      ring = makeRingReader(memory, place, { readOnly: options.readOnly })
      decoder = makeFrameDecoder({ nextSeq: decoder.nextSeq() })
    }
    if (rest.length === 0) return first
    const next = receive(rest)
    return { events: [...first.events, ...next.events], error: next.error }
  }

  const receive = (chunk: Uint8Array): ReceivedEvents => {
    if (broken !== undefined) return { events: [], error: broken }
    const received = take(chunk)
    broken = received.error
    return received
  }

  const take = (chunk: Uint8Array): ReceivedEvents => {
    if (greeting !== undefined) return greet(chunk)
    return ring === undefined ? decode(decoder.push(chunk)) : fromRing(chunk)
  }

  return {
    receive,
    end: () => {
      if (greeting !== undefined && greeting.length > 0) decode(decoder.push(greeting))
      return decoder.end()
    }
  }
}
