import { crc32 as zlibCrc32 } from "node:zlib"
import { Either } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { crc32 } from "../../src/base/Crc32.ts"
import { decodeEvent, encodeEvent } from "../../src/protocol/AgentEvent.ts"
import { decodeCommand, encodeCommand, encodePlan } from "../../src/protocol/Command.ts"
import { encodeFrame, type Frame, frameFormat, makeFrameDecoder } from "../../src/protocol/Frame.ts"
import { commands, events } from "./samples.ts"

const frames = fc.array(fc.record({ type: fc.nat(0xffff), payload: fc.uint8Array({ maxLength: 300 }) }), {
  minLength: 1,
  maxLength: 8
})

const streamOf = (sent: ReadonlyArray<{ readonly type: number; readonly payload: Uint8Array }>): Uint8Array =>
  Uint8Array.from(sent.flatMap(({ type, payload }, seq) => [...encodeFrame(type, seq, payload)]))

/** Cuts at the given places and pushes piece by piece. */
const receive = (stream: Uint8Array, cuts: ReadonlyArray<number>) => {
  const decoder = makeFrameDecoder()
  const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length]
  const received: Array<Frame> = []
  for (let i = 0; i + 1 < places.length; i++) {
    const { frames, error } = decoder.push(stream.subarray(places[i], places[i + 1]))
    received.push(...frames)
    if (error !== undefined) return { received, error }
  }
  return { received, error: decoder.end() }
}

const content = (received: ReadonlyArray<Frame>) => received.map(({ type, payload }) => ({ type, payload }))
const cuts = fc.array(fc.nat(), { maxLength: 20 })

describe("frames", () => {
  it("survive any chunking, with their offsets and numbers", () => {
    fc.assert(
      fc.property(frames, cuts, (sent, cuts) => {
        const { received, error } = receive(streamOf(sent), cuts)
        expect(error).toBeUndefined()
        expect(content(received)).toEqual(sent)
        expect(received.map(({ seq }) => seq)).toEqual(sent.map((_, index) => index))
        const sizes = sent.map(({ payload }) => payload.length + 16)
        expect(received.map(({ offset }) => offset)).toEqual(
          sizes.map((_, index) => sizes.slice(0, index).reduce((sum, size) => sum + size, 0))
        )
      })
    )
  })

  it("never yield a wrong frame after a changed byte: what comes before it, then an error at its frame", () => {
    fc.assert(
      fc.property(frames, cuts, fc.nat(), fc.integer({ min: 1, max: 255 }), (sent, cuts, place, flip) => {
        const stream = streamOf(sent)
        const at = place % stream.length
        stream[at] = stream[at]! ^ flip
        let start = 0
        let before = 0
        while (start + sent[before]!.payload.length + 16 <= at) {
          start += sent[before]!.payload.length + 16
          before += 1
        }
        const { received, error } = receive(stream, cuts)
        expect(content(received)).toEqual(sent.slice(0, before))
        expect(error?.offset).toBe(start)
        expect(error?.message).toContain(`offset ${start}`)
      })
    )
  })

  it("that are cut short end in an error at the cut frame", () => {
    fc.assert(
      fc.property(frames, cuts, fc.nat(), (sent, cuts, place) => {
        const stream = streamOf(sent)
        const { received, error } = receive(stream.subarray(0, place % stream.length), cuts)
        expect(content(received)).toEqual(sent.slice(0, received.length))
        const whole = received.reduce((sum, { payload }) => sum + payload.length + 16, 0)
        if (place % stream.length === whole) expect(error).toBeUndefined()
        else expect(error?.offset).toBe(whole)
      })
    )
  })

  it("give the same error again after the first, and no frame", () => {
    const decoder = makeFrameDecoder()
    const first = decoder.push(new Uint8Array(20).fill(1))
    const good = encodeFrame(2, 0, new Uint8Array())
    expect(first.error).toBeDefined()
    expect(decoder.push(good)).toEqual({ frames: [], error: first.error })
    expect(decoder.end()).toBe(first.error)
  })

  it("continue where another transport left off", () => {
    const decoder = makeFrameDecoder({ offset: 100, nextSeq: 7 })
    expect(decoder.push(encodeFrame(2, 7, Uint8Array.of(1))).frames[0]?.offset).toBe(100)
    expect(decoder.nextSeq()).toBe(8)
    expect(decoder.offset()).toBe(117)
  })

  it("of the largest size pass, larger ones are refused", () => {
    const largest = new Uint8Array(frameFormat.maxPayload)
    const { received, error } = receive(encodeFrame(1, 0, largest), [5, 4096, 1_000_000])
    expect(error).toBeUndefined()
    expect(received[0]?.payload.length).toBe(largest.length)
    expect(() => encodeFrame(1, 0, new Uint8Array(frameFormat.maxPayload + 1))).toThrow(/over the limit of 8388608/)
  })
})

describe("crc32", () => {
  it("has the check value of CRC-32/ISO-HDLC", () => {
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926)
  })

  it("agrees with zlib, whole and in two parts", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ maxLength: 100 }), (a, b) => {
        const whole = Uint8Array.from([...a, ...b])
        expect(crc32(b, crc32(a))).toBe(crc32(whole))
        expect(crc32(whole)).toBe(zlibCrc32(whole))
      })
    )
  })
})

describe("messages", () => {
  const frameOf = (type: number, payload: Uint8Array): Frame => ({ offset: 0, type, seq: 0, payload })
  const payloadOf = (frame: Uint8Array): Uint8Array => frame.slice(12, -4)
  const typeOf = (frame: Uint8Array): number => new DataView(frame.buffer).getUint16(4, true)
  /** A sample's payload with bytes changed, cut off or appended. */
  const mangled = (samples: ReadonlyArray<Uint8Array>) =>
    fc
      .tuple(
        fc.constantFrom(...samples),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
        fc.option(fc.nat()),
        fc.uint8Array({ maxLength: 2 })
      )
      .map(([sample, changes, cut, tail]) => {
        const payload = payloadOf(sample)
        for (const [place, value] of changes) if (payload.length > 0) payload[place % payload.length] = value
        const kept = cut === null ? payload : payload.slice(0, cut % (payload.length + 1))
        return frameOf(typeOf(sample), Uint8Array.from([...kept, ...tail]))
      })

  it("have one encoding: whatever a decoder takes, the encoder gives back, of commands byte for byte", () => {
    fc.assert(
      fc.property(mangled(commands.map((command) => encodeCommand(command, 0))), (frame) => {
        const decoded = decodeCommand(frame)
        if (Either.isRight(decoded)) expect(payloadOf(encodeCommand(decoded.right, 0))).toEqual(frame.payload)
        else expect(decoded.left.offset).toBe(0)
      }),
      { numRuns: 3000 }
    )
    fc.assert(
      fc.property(mangled(events.map((event) => encodeEvent(event, 0))), (frame) => {
        const decoded = decodeEvent(frame)
        // The text of a guest is decoded to what may be printed, so that the bytes need not come back; what they say must.
        if (Either.isRight(decoded)) {
          const again = decodeEvent({ ...frame, payload: payloadOf(encodeEvent(decoded.right, 0)) })
          expect(Either.getOrThrow(again)).toEqual(decoded.right)
        } else expect(decoded.left.message).toMatch(/^Frame at offset 0: /)
      }),
      { numRuns: 3000 }
    )
  })

  it("of a plan are numbered from 0", () => {
    const { frames, error } = makeFrameDecoder().push(encodePlan(commands))
    expect(error).toBeUndefined()
    expect(frames.map((frame) => Either.getOrThrow(decodeCommand(frame)))).toEqual(commands)
  })

  it("refuse numbers that do not fit their field", () => {
    expect(() => encodeCommand({ _tag: "Hold", ns: -1 }, 0)).toThrow("-1 does not fit in u64")
    expect(() => encodeCommand({ _tag: "Hold", ns: 2 ** 53 }, 0)).toThrow("does not fit in u64")
    expect(() => encodeCommand({ _tag: "StepEnd", index: 2 ** 32 }, 0)).toThrow("does not fit in u32")
    expect(() => encodeCommand({ _tag: "CgroupRemove", path: "a\0b" }, 0)).toThrow("has a NUL")
  })
})
