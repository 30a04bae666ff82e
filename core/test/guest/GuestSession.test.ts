import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { AgentEvent, encodeEvent } from "../../src/protocol/AgentEvent.ts"
import { accountOfExit, describeEnd, describeExit, followGuest } from "../../src/session/GuestSession.ts"
import { defaultRing } from "../../src/session/Ring.ts"
import { type MemoryVm, makeMemoryVm } from "./memoryVm.ts"

const ready = (transport: "serial" | "ring") =>
  AgentEvent.Ready({
    version: 2,
    transport,
    release: "7.3.4",
    kernelVersion: "#1 SMP",
    timeNs: 5,
    topology: { cpus: [], nodes: [] },
    symbols: [],
    notes: ""
  })
const log = (text: string) => AgentEvent.Log({ level: "info", text })
const done = AgentEvent.Done({ timeNs: 9, ok: true, workers: 0 })

/** Follows a guest that acts out `script`; returns the result, and the tags and texts of the events. */
const follow = (script: (guest: MemoryVm) => Effect.Effect<unknown>, bootSilenceMs?: number) =>
  Effect.gen(function* () {
    const guest = yield* makeMemoryVm
    const seen: Array<string> = []
    const session = yield* Effect.fork(
      followGuest(guest.vm, {
        ring: defaultRing,
        bootTimeoutMs: 60_000,
        bootSilenceMs,
        planTimeoutMs: 30_000,
        onEvent: (event) => Effect.sync(() => void seen.push(event._tag === "Log" ? event.text : event._tag))
      })
    )
    yield* script(guest)
    const result = yield* Fiber.join(session)
    return { ...result, seen, message: describeEnd(result) }
  })

describe("followGuest", () => {
  it.effect("hears a whole session over COM2, however the bytes are cut", () =>
    Effect.gen(function* () {
      const bytes = [ready("serial"), log("hello"), done].flatMap((event, seq) => [...encodeEvent(event, seq)])
      const { end, seen, stage } = yield* follow((guest) =>
        Effect.forEach(bytes, (byte) => guest.say(new Uint8Array([byte])), { discard: true })
      )
      expect(end).toEqual({ _tag: "Done", ok: true })
      expect(seen).toEqual(["Ready", "hello", "Done"])
      expect(stage).toBe("scenario done")
    })
  )

  it.live("lets everything else have its turn while a guest sends faster than its events are handled", () =>
    Effect.gen(function* () {
      const guest = yield* makeMemoryVm
      let turns = 0
      const count = () => {
        turns++
        counter = setImmediate(count)
      }
      let counter: NodeJS.Immediate | undefined
      const spin = Effect.sync(() => {
        counter ??= setImmediate(count)
        const end = performance.now() + 3
        while (performance.now() < end);
      })
      const events = [ready("serial"), ...Array.from({ length: 30 }, (_, index) => log(`${index}`)), done]
      for (const event of events) yield* guest.tell(event)
      const { end } = yield* followGuest(guest.vm, {
        ring: undefined,
        bootTimeoutMs: 60_000,
        planTimeoutMs: 30_000,
        onEvent: () => spin
      })
      clearImmediate(counter)
      expect(end).toEqual({ _tag: "Done", ok: true })
      expect(turns).toBeGreaterThanOrEqual(8)
    })
  )

  it.effect("moves to the ring after READY, across its wrap", () =>
    Effect.gen(function* () {
      const long = "x".repeat(7 * 1024 * 1024)
      const { end, seen } = yield* follow((guest) =>
        Effect.gen(function* () {
          yield* guest.tell(ready("ring"))
          guest.useRing()
          for (const text of [`${long}1`, `${long}2`]) {
            yield* guest.tell(log(text))
            yield* Effect.repeatN(Effect.yieldNow(), 50)
          }
          yield* guest.tell(log(`${long}3`))
          yield* guest.tell(done)
        })
      )
      expect(end._tag).toBe("Done")
      expect(seen.map((text) => `${text.length}${text.at(-1)}`)).toEqual(["5y", "16385…", "16385…", "16385…", "4e"])
    })
  )

  it.effect("takes doorbells that arrive in one read with READY", () =>
    Effect.gen(function* () {
      const { end, seen } = yield* follow((guest) =>
        Effect.gen(function* () {
          guest.useRing()
          const frames = [log("a"), done].map((event, index) => encodeEvent(event, index + 1))
          let at = 0
          for (const frame of frames) {
            guest.vm.memory.write(defaultRing.address + 4096 + at, frame)
            at += frame.length
          }
          const head = new Uint8Array(8)
          new DataView(head.buffer).setBigUint64(0, BigInt(at), true)
          guest.vm.memory.write(defaultRing.address + 64, head)
          yield* guest.say(new Uint8Array([...encodeEvent(ready("ring"), 0), ...new Array(20).fill(7)]))
        })
      )
      expect(end._tag).toBe("Done")
      expect(seen).toEqual(["Ready", "a", "Done"])
    })
  )

  it.effect("names the offset of a byte that is no doorbell", () =>
    Effect.gen(function* () {
      const greeting = encodeEvent(ready("ring"), 0)
      const { message } = yield* follow((guest) =>
        Effect.gen(function* () {
          guest.useRing()
          yield* guest.say(greeting)
          yield* guest.say(new Uint8Array([7, 7, 0x41]))
        })
      )
      expect(message).toContain(`COM2 byte ${greeting.length + 2}: 0x41 is not the doorbell`)
    })
  )

  it.effect("names the offset of a frame that the guest's power-off tore", () =>
    Effect.gen(function* () {
      const greeting = encodeEvent(ready("serial"), 0)
      const { message, seen } = yield* follow((guest) =>
        Effect.gen(function* () {
          yield* guest.say(greeting)
          yield* guest.say(encodeEvent(log("cut"), 1).subarray(0, 15))
          yield* Effect.repeatN(Effect.yieldNow(), 50)
          yield* guest.end({ _tag: "PowerOff" })
        })
      )
      expect(seen).toEqual(["Ready"])
      expect(message).toContain(`Frame at offset ${greeting.length}: the stream ends 15 bytes into it`)
    })
  )

  it.effect("ends a guest that stays silent, with the stage it reached", () =>
    Effect.gen(function* () {
      for (const [lines, stage] of [
        [[], "no console output; does the kernel have a serial console (CONFIG_SERIAL_8250_CONSOLE=y)?"],
        [["[    0.000000] Linux version 7.3"], "kernel booting"],
        [["[    0.000000] Linux version 7.3", "[    2.9] Run /init as init process"], "init started"]
      ] as const) {
        const { message } = yield* follow((guest) =>
          Effect.gen(function* () {
            for (const line of lines) guest.print(line)
            yield* Effect.yieldNow()
            yield* TestClock.adjust("61 seconds")
          })
        )
        expect(message).toBe(`the guest did not reach the agent within 60s (stage: ${stage})`)
      }
    })
  )

  it.effect("ends a guest that stands still in its boot long before its time is up, and none that goes on", () =>
    Effect.gen(function* () {
      const printing = (lines: number) => (guest: MemoryVm) =>
        Effect.gen(function* () {
          for (let n = 0; n < lines; n++) {
            guest.print(`[    ${n}.0] line ${n}`)
            for (let second = 0; second < 8; second++) yield* TestClock.adjust("1 second")
          }
          for (let second = 0; second < 12; second++) yield* TestClock.adjust("1 second")
        })
      const still = yield* follow(printing(3), 10_000)
      expect(still.end).toEqual({ _tag: "BootStalled", ms: 10_000 })
      expect(still.message).toBe(
        "the guest stopped in its boot: its console said nothing new for 10s (stage: kernel booting)"
      )
      const slow = yield* follow(printing(8), 10_000)
      expect(slow.end).toEqual({ _tag: "BootTimeout", ms: 60_000 })
    })
  )

  it.effect("ends a scenario that never ends", () =>
    Effect.gen(function* () {
      const { message } = yield* follow((guest) =>
        Effect.gen(function* () {
          yield* guest.tell(ready("serial"))
          yield* Effect.repeatN(Effect.yieldNow(), 50)
          yield* TestClock.adjust("31 seconds")
        })
      )
      expect(message).toBe("the scenario did not end within 30s (stage: agent ready)")
    })
  )

  it.effect("reports a panic by the kernel's own words", () =>
    Effect.gen(function* () {
      const { message } = yield* follow((guest) => guest.end({ _tag: "Panic", message: "Attempted to kill init!" }))
      expect(message).toBe("the guest kernel panicked: Attempted to kill init! (stage: no console output)")
    })
  )
})

describe("an exit in words", () => {
  const registers = "vCPU 1\nRAX=0000000000000001\nRIP=ffffffff81000000 RFL=00000046\nCR0=80050033\n"

  it("is one line for a triple fault, with the registers in the account", () => {
    const exit = { _tag: "TripleFault", registers } as const
    expect(describeExit(exit)).toBe("the guest ended in a triple fault at RIP=ffffffff81000000")
    expect(accountOfExit(exit)).toBe(`${describeExit(exit)}\n${registers.trimEnd()}`)
    expect(describeExit({ _tag: "TripleFault", registers: "" })).toContain("at an unknown address")
  })

  it("is one line for a vCPU that failed, with the registers in the account", () => {
    const what = "vCPU 0: KVM internal error 1 (it can't emulate an instruction), instruction bytes f3 0f b8 c0"
    const exit = { _tag: "VcpuError", message: `${what}\n${registers}` } as const
    expect(describeExit(exit)).toBe(`the machine failed: ${what}`)
    expect(accountOfExit(exit)).toBe(`the machine failed: ${what}\n${registers.trimEnd()}`)
    expect(accountOfExit({ _tag: "Reset" })).toBe("the guest reset itself")
  })

  it("is one line for a device that the host let down", () => {
    const exit = { _tag: "DeviceError", message: "the scratch disk /tmp/d: flushing: No space left on device" } as const
    expect(describeExit(exit)).toBe(
      "a device of the machine failed on the host: the scratch disk /tmp/d: flushing: No space left on device"
    )
    expect(accountOfExit(exit)).toBe(describeExit(exit))
  })

  it("asks for a serial console where the kernel said nothing", () => {
    const result = {
      end: { _tag: "BootTimeout", ms: 3000 },
      stage: "no console output",
      bootMs: undefined,
      kernelLog: []
    } as const
    expect(describeEnd(result)).toBe(
      "the guest did not reach the agent within 3s (stage: no console output; does the kernel have a serial console (CONFIG_SERIAL_8250_CONSOLE=y)?)"
    )
  })
})
