/**
 * Mutated rings, frames and plans through the host's readers and through whole sessions: `npm run mutate` runs 1000 of each and prints what they
 * came to, the unit tests 60.
 */
import { expect, it } from "@effect/vitest"
import { Deferred, Effect, Either, Exit, Stream } from "effect"
import { type Vm, VmmError } from "../../src/machine/Vmm.ts"
import { encodeEvent } from "../../src/protocol/AgentEvent.ts"
import { decodeCommand, encodePlan } from "../../src/protocol/Command.ts"
import { encodeFrame, makeFrameDecoder, ProtocolError } from "../../src/protocol/Frame.ts"
import { followGuest } from "../../src/session/GuestSession.ts"
import { SessionRecord } from "../../src/session/Record.ts"
import { memoryOf } from "./memoryVm.ts"
import { commands, events } from "./samples.ts"

const rounds = Number(process.env.KTSTR_MUTATIONS ?? 60)
const seed = Number(process.env.KTSTR_SEED ?? 1)
/** A mutation that takes longer has found a loop, on a busy host too. */
const longestMs = 10_000
const place = { address: 4096, size: 17 * 4096 }
const dataSize = place.size - 4096

/** Mulberry32: a seed is a row of mutations. */
const random = (state: number) => (below: number) => {
  state = (state + 0x6d2b79f5) | 0
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
}

type Below = ReturnType<typeof random>

/** Bits turned, words made extreme, pieces cut out or said twice. */
const mutate = (bytes: Uint8Array, below: Below): Uint8Array => {
  let changed = bytes.slice()
  for (let left = 1 + below(3); left > 0 && changed.length > 8; left--) {
    const at = below(changed.length - 8)
    const size = 1 + below(64)
    switch (below(5)) {
      case 0:
        changed[at]! ^= 1 << below(8)
        break
      case 1:
        new DataView(changed.buffer).setUint32(at, [0, 1, 0x7fffffff, 0xffffffff, 4096][below(5)]!, true)
        break
      case 2:
        changed = Uint8Array.from([...changed.subarray(0, at), ...changed.subarray(at + size)])
        break
      case 3:
        changed = Uint8Array.from([...changed.subarray(0, at + size), ...changed.subarray(at)])
        break
      default:
        changed = changed.slice(0, at)
    }
  }
  return changed
}

const frames = (ring: boolean): ReadonlyArray<Uint8Array> =>
  events.map((event, seq) =>
    encodeEvent(event._tag === "Ready" ? { ...event, transport: ring ? "ring" : "serial" } : event, seq)
  )

const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))

/** Follows a machine that sends these bytes and powers off; returns the tag of its end. */
const session = (chunks: ReadonlyArray<Uint8Array>, bytes: Uint8Array) =>
  Effect.gen(function* () {
    const exit = yield* Deferred.make<never, never>()
    yield* Deferred.succeed(exit as never, { _tag: "PowerOff" } as never)
    const vm: Vm = {
      console: Stream.empty,
      consoleTail: () => [],
      channel: {
        incoming: Stream.fromIterable(chunks),
        send: () => Effect.fail(new VmmError({ reason: "ChannelLost", message: "closed" }))
      },
      memory: memoryOf(bytes),
      exit: exit as unknown as Vm["exit"],
      clock: "emulated",
      backend: "memory",
      stats: Effect.succeed({}),
      pause: Effect.void,
      resume: Effect.void
    }
    const record = new SessionRecord()
    const { end } = yield* followGuest(vm, {
      ring: place,
      bootTimeoutMs: longestMs,
      planTimeoutMs: longestMs,
      onEvent: (event) => Effect.sync(() => void record.add(event))
    })
    record.contradictions([])
    return end._tag
  })

const kinds = {
  frames: (below: Below) => {
    // Half of them are whole frames around changed payloads, which reach the decoders behind the checksum.
    const which = below(2) === 0 ? 1 + below(events.length - 1) : -1
    const sent = frames(false).map((frame, index) => {
      if (index !== which) return frame
      const type = new DataView(frame.buffer).getUint16(4, true)
      return encodeFrame(type, index, mutate(frame.slice(12, -4), below))
    })
    return session([which < 0 ? mutate(joined(sent), below) : joined(sent)], new Uint8Array(4096))
  },
  rings: (below: Below) => {
    const [greeting, ...rest] = frames(true)
    const data = joined(rest)
    const bytes = new Uint8Array(place.address + place.size)
    const header = new Uint8Array(136)
    header.set(new TextEncoder().encode("KTSTRING"))
    const view = new DataView(header.buffer)
    view.setUint32(8, 1, true)
    view.setUint32(12, dataSize, true)
    view.setBigUint64(64, BigInt(data.length), true)
    const inHeader = below(2) === 0
    const sized = (changed: Uint8Array): Uint8Array => changed.subarray(0, 4096)
    bytes.set(inHeader ? sized(mutate(header, below)) : header, place.address)
    // As often as not the sizes fit, and only how they are shared out is odd.
    if (inHeader && below(2) === 0) {
      const odd = [0, 1, 4095, 4096][below(4)]!
      new DataView(bytes.buffer).setUint32(place.address + 12, odd, true)
      new DataView(bytes.buffer).setUint32(place.address + 16, dataSize - odd, true)
    }
    bytes.set((inHeader ? data : mutate(data, below)).subarray(0, dataSize), place.address + 4096)
    return session([greeting!, new Uint8Array(1 + below(4)).fill(7)], bytes)
  },
  plans: (below: Below) =>
    Effect.sync(() => {
      const { error, frames } = makeFrameDecoder().push(mutate(encodePlan(commands), below))
      for (const frame of frames) {
        const command = decodeCommand(frame)
        if (Either.isRight(command)) continue
        expect(command.left).toBeInstanceOf(ProtocolError)
        return "Protocol"
      }
      return error === undefined ? "whole frames" : "Protocol"
    })
}

for (const [name, run] of Object.entries(kinds)) {
  it.live(
    `${rounds} mutated ${name} each end in a typed error or a result`,
    () =>
      Effect.gen(function* () {
        const below = random(seed)
        const counts = new Map<string, number>()
        for (let round = 0; round < rounds; round++) {
          const began = performance.now()
          const exit = yield* Effect.exit(run(below))
          const took = performance.now() - began
          const where = `${name}, seed ${seed}, round ${round}`
          expect(Exit.isSuccess(exit), `${where}: ${Exit.isFailure(exit) ? String(exit.cause) : ""}`).toBe(true)
          expect(took, `${where} took too long`).toBeLessThan(longestMs)
          if (Exit.isSuccess(exit)) counts.set(exit.value, (counts.get(exit.value) ?? 0) + 1)
        }
        const table = [...counts].map(([end, count]) => `${count} ${end}`).join(", ")
        if (process.env.KTSTR_MUTATIONS !== undefined) process.stdout.write(`${name}: ${table}\n`)
        expect(counts.get("Protocol") ?? 0).toBeGreaterThan(0)
      }),
    600_000
  )
}
