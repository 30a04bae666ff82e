import { Deferred, Effect, Queue, Stream } from "effect"
import type { AgentEvent } from "../../src/guest/AgentEvent.ts"
import { encodeEvent } from "../../src/guest/AgentEvent.ts"
import { defaultRing } from "../../src/guest/Ring.ts"
import type { GuestMemory, Vm, VmExit } from "../../src/Vmm.ts"

/** A machine of bytes in memory: tests write what its agent says, and see what the host makes of it. */
export interface MemoryVm {
  readonly vm: Vm
  /** Bytes on COM2. */
  readonly say: (bytes: Uint8Array) => Effect.Effect<void>
  /** A frame, over COM2 or (after `useRing`) through the ring and a doorbell. */
  readonly tell: (event: AgentEvent) => Effect.Effect<void>
  readonly print: (line: string) => void
  readonly useRing: () => void
  /** The machine ends. */
  readonly end: (exit: VmExit) => Effect.Effect<void>
}

/** Zero pages that the operating system gives out only where they are touched. */
const memoryOf = (size: number): GuestMemory => {
  const bytes = new Uint8Array(size)
  return {
    size,
    read: (address, length) => bytes.slice(address, address + length),
    write: (address, data) => bytes.set(data, address)
  }
}

export const makeMemoryVm: Effect.Effect<MemoryVm> = Effect.gen(function* () {
  const incoming = yield* Queue.unbounded<Uint8Array>()
  const exit = yield* Deferred.make<VmExit>()
  const memory = memoryOf(256 * 1024 * 1024)
  const lines: Array<string> = []
  let seq = 0
  let head = 0
  let ring = false

  const dataSize = defaultRing.size - 4096
  const u64 = (offset: number, value: number) => {
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true)
    memory.write(defaultRing.address + offset, bytes)
  }
  const useRing = () => {
    const header = new Uint8Array(16)
    header.set(new TextEncoder().encode("KTSTRING"))
    new DataView(header.buffer).setUint32(8, 1, true)
    new DataView(header.buffer).setUint32(12, dataSize, true)
    memory.write(defaultRing.address, header)
    ring = true
  }
  const say = (bytes: Uint8Array) => Effect.asVoid(incoming.offer(bytes))

  return {
    vm: {
      console: Stream.fromIterable(lines),
      consoleTail: (n) => (n >= lines.length ? lines : lines.slice(lines.length - n)),
      channel: { incoming: Stream.fromQueue(incoming), send: () => Effect.void },
      memory,
      exit,
      clock: "emulated",
      backend: "memory",
      stats: Effect.succeed({}),
      pause: Effect.void,
      resume: Effect.void
    },
    say,
    tell: (event) =>
      Effect.suspend(() => {
        const frame = encodeEvent(event, seq++)
        if (!ring) return say(frame)
        const untilWrap = Math.min(frame.length, dataSize - (head % dataSize))
        memory.write(defaultRing.address + 4096 + (head % dataSize), frame.subarray(0, untilWrap))
        memory.write(defaultRing.address + 4096, frame.subarray(untilWrap))
        head += frame.length
        u64(64, head)
        return say(new Uint8Array([7]))
      }),
    print: (line) => {
      lines.push(line)
    },
    useRing,
    end: (value) => Effect.zipRight(Deferred.succeed(exit, value), incoming.shutdown)
  }
})
