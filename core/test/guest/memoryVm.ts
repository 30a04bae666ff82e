import { Deferred, Effect, Mailbox } from "effect"
import { ConsoleLog } from "../../src/machine/ConsoleLog.ts"
import { type GuestMemory, type Vm, type VmExit, VmmError } from "../../src/machine/Vmm.ts"
import type { AgentEvent } from "../../src/protocol/AgentEvent.ts"
import { encodeEvent } from "../../src/protocol/AgentEvent.ts"
import { defaultRing } from "../../src/session/Ring.ts"

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

export interface MemoryVmOptions {
  /** MiB. */
  readonly memoryMb?: number
  /** What the guest does with bytes from the host. Default: nothing. */
  readonly hears?: (bytes: Uint8Array, vm: MemoryVm) => Effect.Effect<void>
}

/** Guest RAM that is these bytes, from address 0. */
export const memoryOf = (bytes: Uint8Array): GuestMemory => {
  const checked = (address: number, length: number): void => {
    if (!(Number.isSafeInteger(address) && length >= 0 && address >= 0 && address + length <= bytes.length)) {
      throw new RangeError(`${length} bytes at ${address} are not RAM`)
    }
  }
  return {
    size: bytes.length,
    read: (address, length) => {
      checked(address, length)
      return bytes.slice(address, address + length)
    },
    write: (address, data) => {
      checked(address, data.length)
      bytes.set(data, address)
    }
  }
}

const lost = new VmmError({ reason: "ChannelLost", message: "the channel to the guest is closed" })

export const makeMemoryVmWith = Effect.fn("makeMemoryVm")(function* (options: MemoryVmOptions) {
  const incoming = yield* Mailbox.make<Uint8Array>()
  const exit = yield* Deferred.make<VmExit>()
  // Zero pages, which the operating system allocates only when they are touched.
  const memory = memoryOf(new Uint8Array((options.memoryMb ?? 256) * 1024 * 1024))
  const log = new ConsoleLog()
  /** What the host said to a guest that is paused. */
  let waiting: Array<Uint8Array> | undefined
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
  const hear = (bytes: Uint8Array): Effect.Effect<void> => options.hears?.(bytes, self) ?? Effect.void

  const self: MemoryVm = {
    vm: {
      console: log.stream,
      consoleTail: (n) => log.tail(n),
      channel: {
        incoming: Mailbox.toStream(incoming),
        send: (bytes) =>
          Effect.flatMap(Deferred.isDone(exit), (over) => {
            if (over) return Effect.fail(lost)
            if (waiting === undefined) return hear(bytes)
            waiting.push(bytes)
            return Effect.void
          })
      },
      memory,
      exit,
      clock: "emulated",
      backend: "memory",
      stats: Effect.succeed({}),
      pause: Effect.sync(() => {
        waiting ??= []
      }),
      resume: Effect.suspend(() => {
        const heard = waiting ?? []
        waiting = undefined
        return Effect.forEach(heard, hear, { discard: true })
      })
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
      log.push(new TextEncoder().encode(`${line}\n`))
    },
    useRing,
    end: (value) =>
      Effect.suspend(() => {
        log.end()
        return Effect.zipRight(Deferred.succeed(exit, value), incoming.end)
      })
  }
  return self
})

export const makeMemoryVm: Effect.Effect<MemoryVm> = makeMemoryVmWith({})
