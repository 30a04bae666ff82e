import { Buffer } from "node:buffer"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Fiber } from "effect"
import fc from "fast-check"
import { AgentEvent, decodeEvent, encodeEvent } from "../../src/protocol/AgentEvent.ts"
import { decodeCommand } from "../../src/protocol/Command.ts"
import { encodeFrame, makeFrameDecoder, ProtocolError } from "../../src/protocol/Frame.ts"
import { guestLimits } from "../../src/protocol/GuestLimits.ts"
import { printable } from "../../src/protocol/GuestText.ts"
import { followGuest } from "../../src/session/GuestSession.ts"
import { readKernelLog } from "../../src/session/PrintkRing.ts"
import { SessionRecord } from "../../src/session/Record.ts"
import { defaultRing, makeRingReader, makeRingWriter } from "../../src/session/Ring.ts"
import { makeTransport } from "../../src/session/Transport.ts"
import { makeMemoryVm, memoryOf } from "./memoryVm.ts"
import { events } from "./samples.ts"

const place = { address: 4096, size: 5 * 4096 }

/** A whole memory with a ring that says this of itself. */
const ringOf = (header: {
  readonly data: number
  readonly input: number
  readonly version?: number
  readonly head?: bigint
}) => {
  const bytes = new Uint8Array(place.address + place.size)
  bytes.set(new TextEncoder().encode("KTSTRING"), place.address)
  const view = new DataView(bytes.buffer, place.address)
  view.setUint32(8, header.version ?? 1, true)
  view.setUint32(12, header.data, true)
  view.setUint32(16, header.input, true)
  view.setBigUint64(64, header.head ?? 0n, true)
  return { bytes, view, memory: memoryOf(bytes) }
}

const u32 = fc.oneof(fc.nat(5 * 4096), fc.integer({ min: 0, max: 0xffffffff }))
const u64 = fc.oneof(fc.bigInt(0n, 40_000n), fc.bigInt(0n, 2n ** 64n - 1n))
const sample = fc.constantFrom(...events)

/** Some bytes of a valid stream changed, cut or doubled. */
const mutated = fc
  .tuple(
    fc.array(sample, { minLength: 1, maxLength: 6 }),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
    fc.nat(),
    fc.boolean()
  )
  .map(([sent, changes, cut, isCut]) => {
    const bytes = Uint8Array.from(sent.flatMap((event, seq) => [...encodeEvent(event, seq)]))
    for (const [at, value] of changes) bytes[at % bytes.length] = value
    return isCut ? bytes.subarray(0, cut % bytes.length) : bytes
  })

const ready = (transport: "serial" | "ring") =>
  AgentEvent.Ready({ ...(events[0] as Extract<AgentEvent, { _tag: "Ready" }>), transport })
const report = events.find((event) => event._tag === "Report")!

describe("the ring of a guest that is not trusted", () => {
  it("refuses a header without data", () => {
    const { memory } = ringOf({ data: 0, input: 4 * 4096, head: 1n })
    const drained = makeRingReader(memory, place).drain()
    expect(Either.getLeft(drained)).toMatchObject({
      value: { message: "ring: data size 0 is less than the 4096 bytes a ring has" }
    })
  })

  it("is an error of the protocol where it lies beyond the memory", () => {
    const drained = makeRingReader(memoryOf(new Uint8Array(4096)), place).drain()
    expect(Either.getLeft(drained)).toMatchObject({ value: { message: expect.stringContaining("it can't be read") } })
  })

  it("comes to bytes or a ProtocolError whatever header and indices say, and however they jump", () => {
    fc.assert(
      fc.property(
        u32,
        u32,
        fc.boolean(),
        fc.nat(2),
        fc.array(u64, { minLength: 1, maxLength: 5 }),
        (data, input, fits, version, heads) => {
          const { memory, view } = ringOf({ data, input: fits ? 4 * 4096 - Math.min(data, 4 * 4096) : input, version })
          const reader = makeRingReader(memory, place)
          for (const head of heads) {
            view.setBigUint64(64, head, true)
            const drained = reader.drain()
            if (Either.isLeft(drained)) expect(drained.left).toBeInstanceOf(ProtocolError)
            else expect(drained.right.length).toBeLessThanOrEqual(4 * 4096)
          }
        }
      )
    )
  })

  it("takes input only inside itself, whatever the guest says it has read", () => {
    fc.assert(
      fc.property(u32, fc.array(u64, { minLength: 1, maxLength: 5 }), fc.nat(20_000), (input, tails, length) => {
        const { bytes, memory, view } = ringOf({ data: 4096, input })
        const before = bytes.slice(0, place.address)
        const writer = makeRingWriter(memory, place)
        for (const tail of tails) {
          view.setBigUint64(256, tail, true)
          expect(writer?.write(new Uint8Array(length).fill(1)) ?? 0).toBeLessThanOrEqual(Math.min(length, input))
        }
        expect(Buffer.compare(bytes.subarray(0, place.address), before)).toBe(0)
      })
    )
  })
})

describe("bytes of a guest that is not trusted", () => {
  it("decode to events or to a ProtocolError, arbitrary and mutated ones", () => {
    const judge = (bytes: Uint8Array) => {
      const { frames } = makeFrameDecoder().push(bytes)
      for (const frame of frames) {
        const [event, command] = [decodeEvent(frame), decodeCommand(frame)]
        if (Either.isLeft(event)) expect(event.left).toBeInstanceOf(ProtocolError)
        if (Either.isLeft(command)) expect(command.left).toBeInstanceOf(ProtocolError)
      }
    }
    fc.assert(fc.property(mutated, judge))
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), judge))
  })

  it("decode the same way behind a valid frame header, for every type", () => {
    const types = [...new Set(events.map((event) => new DataView(encodeEvent(event, 0).buffer).getUint16(4, true)))]
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 120 }), (type, payload) => {
        const [frame] = makeFrameDecoder().push(encodeFrame(type, 0, payload)).frames
        const decoded = decodeEvent(frame!)
        if (Either.isLeft(decoded)) expect(decoded.left).toBeInstanceOf(ProtocolError)
      })
    )
  })

  it("refuse numbers that stand for nothing, by name", () => {
    const frame = encodeEvent(AgentEvent.ProcOutput({ id: 1, stream: "stdout", bytes: new Uint8Array() }), 0)
    const type = new DataView(frame.buffer).getUint16(4, true)
    const payload = frame.slice(12, -4)
    payload[4] = 9
    const [decoded] = makeFrameDecoder()
      .push(encodeFrame(type, 0, payload))
      .frames.map(decodeEvent)
    expect(Either.getLeft(decoded!)).toMatchObject({
      value: { message: "Frame at offset 0: PROC_OUTPUT: 9 at byte 4 is none of 1 stdout, 2 stderr" }
    })
    const wrong = { ...report, exitKind: "finished", policy: 9 } as AgentEvent
    const [policy] = makeFrameDecoder().push(encodeEvent(wrong, 0)).frames.map(decodeEvent)
    expect(Either.getLeft(policy!)).toMatchObject({
      value: { message: expect.stringMatching(/9 at byte \d+ is no scheduling policy/) }
    })
  })

  it("are refused where they greet with something else, greet twice or speak another version", () => {
    const heard = (...sent: ReadonlyArray<AgentEvent>) => {
      const transport = makeTransport(memoryOf(new Uint8Array(4096)), undefined)
      const errors = sent.map((event, seq) => transport.receive(encodeEvent(event, seq)).error?.message)
      return errors.find((message) => message !== undefined)
    }
    expect(heard(AgentEvent.Done({ timeNs: 0, ok: true, workers: 0 }))).toContain("the first frame is not READY")
    expect(heard(ready("serial"), ready("serial"))).toContain("READY a second time")
    expect(heard({ ...ready("serial"), version: 3 } as AgentEvent)).toContain(
      "protocol version 3, this host knows version 2"
    )
  })

  it("never make the transport throw, and an error ends it", () => {
    const greeting = encodeEvent(ready("ring"), 0)
    fc.assert(
      fc.property(
        u32,
        u32,
        u64,
        fc.array(fc.oneof(mutated, fc.constant(Uint8Array.of(7))), { maxLength: 4 }),
        (data, input, head, chunks) => {
          const { memory } = ringOf({ data, input, head })
          const transport = makeTransport(memory, place)
          const all = [greeting, ...chunks].map((chunk) => transport.receive(chunk))
          const first = all.findIndex(({ error }) => error !== undefined)
          if (first < 0) return
          for (const { error, events } of all.slice(first + 1)) {
            expect(events).toEqual([])
            expect(error).toBe(all[first]!.error)
          }
        }
      )
    )
  })

  it("have no control characters once they are text", () => {
    const hostile = "\u001b]0;owned\u0007\u001b[2J\u009b31m\u202eevil\r"
    expect(printable(hostile)).toBe("\\x1b]0;owned\\x07\\x1b[2J\\x9b31m\\u202eevil\\x0d")
    const [frame] = makeFrameDecoder().push(encodeEvent(AgentEvent.Log({ level: "error", text: hostile }), 0)).frames
    expect(Either.getOrThrow(decodeEvent(frame!))).toMatchObject({ text: printable(hostile) })
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be left
        expect(printable(text)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
      })
    )
  })
})

describe("the record of a guest that is not trusted", () => {
  const groups = [{ group: 7, workers: 2 }]
  const recordOf = (...sent: ReadonlyArray<AgentEvent>) => {
    const record = new SessionRecord()
    for (const event of sent) record.add(event)
    return record
  }
  const of = (group: number, index: number) => ({ ...report, group, index }) as AgentEvent
  const done = (workers: number) => AgentEvent.Done({ timeNs: 0, ok: true, workers })

  it.each([
    ["nothing to say", [of(7, 0), of(7, 1), done(2)], []],
    ["a worker twice", [of(7, 0), of(7, 0), done(2)], ["the guest reported worker 0 of group 7 more than once"]],
    [
      "a worker beyond its group",
      [of(7, 0), of(7, 2), done(2)],
      ["the guest reported worker 2 of group 7, which nothing has started"]
    ],
    [
      "a group nobody started",
      [of(9, 0), done(1)],
      ["the guest reported worker 0 of group 9, which nothing has started"]
    ],
    ["another count", [of(7, 0), done(2)], ["the guest says that it reported 2 workers, and 1 reports came"]]
  ] as const)("finds a contradiction: %s", (_, sent, found) => {
    expect(recordOf(...sent).contradictions(groups)).toEqual(found)
  })

  it("is bounded, and counts what is beyond", () => {
    const log = AgentEvent.Log({ level: "error", text: "x" })
    const record = recordOf(...new Array<AgentEvent>(guestLimits.logs + 5).fill(log))
    expect(record.logs.length).toBe(guestLimits.logs + 1)
    expect(record.logs.at(-1)).toBe("… and 5 more lines of the agent's log")
    const latencies = AgentEvent.Latencies({ group: 7, index: 0, latenciesNs: new Array<number>(100_000).fill(1) })
    const many = recordOf(...new Array<AgentEvent>(3).fill(latencies), of(7, 0))
    expect(many.reports[0]?.wakeLatenciesNs.length).toBe(guestLimits.latenciesOfWorker)
    const flood = recordOf(...Array.from({ length: guestLimits.reports + 9 }, (_, index) => of(7, index)))
    expect(flood.reports.length).toBe(guestLimits.reports)
    expect(flood.contradictions(groups)).toContain(`the guest sent 9 reports beyond ${guestLimits.reports}`)
  })

  it.effect("ends with DONE: later reports are nobody's", () =>
    Effect.gen(function* () {
      const guest = yield* makeMemoryVm
      const seen: Array<string> = []
      const session = yield* Effect.fork(
        followGuest(guest.vm, {
          ring: defaultRing,
          bootTimeoutMs: 1000,
          planTimeoutMs: 1000,
          onEvent: ({ _tag }) => Effect.sync(() => void seen.push(_tag))
        })
      )
      const sent = [ready("serial"), done(0), report].flatMap((event, seq) => [...encodeEvent(event, seq)])
      yield* guest.say(Uint8Array.from(sent))
      expect((yield* Fiber.join(session)).end).toEqual({ _tag: "Done", ok: true })
      expect(seen).toEqual(["Ready", "Done"])
    })
  )
})

describe("the kernel's log in memory that is not trusted", () => {
  it("is read from anything without an exception, control characters written out", async () => {
    const banner = new TextEncoder().encode("Linux version 6.12\u001b[2J")
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(8190), fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.constant(banner))), {
          maxLength: 12
        }),
        fc.nat(900),
        async (parts, at) => {
          const bytes = new Uint8Array(8192)
          for (const [offset, part] of parts) bytes.set(part.subarray(0, 8192 - offset), offset)
          const begin = 8 * (at + 1)
          new DataView(bytes.buffer).setBigUint64(begin - 8, 0x3fffffff_ffff8000n, true)
          bytes.set(banner, begin)
          for (const line of await Effect.runPromise(readKernelLog(memoryOf(bytes)))) expect(line).toBe(printable(line))
        }
      )
    )
  })
})
