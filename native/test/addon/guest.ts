// Machines of a few bytes of code, driven through the addon itself.
import type { NativeBinding, NativeExit, NativeMachine, NativeMachineOptions, NativeMemoryOptions } from "@ktstr/native"
import { loadNativeBinding, nativePorts } from "@ktstr/native"
import { Effect } from "effect"

export const binding: NativeBinding = Effect.runSync(loadNativeBinding)

/** Where code begins. */
export const codeAt = 0x1000

const le16 = (n: number): Array<number> => [n & 0xff, (n >> 8) & 0xff]

/** mov dx, port; mov al, value; out dx, al */
export const out = (port: number, value: number): Array<number> => [0xba, ...le16(port), 0xb0, value, 0xee]
export const say = (text: string): Array<number> => [...text].flatMap((c) => out(0x3f8, c.charCodeAt(0)))
export const halt = [0xf4, 0xeb, 0xfd]
export const spin = [0xeb, 0xfe]
/** mov al, 0xfe; out 0x64, al */
export const reset = [0xb0, 0xfe, 0xe6, 0x64, ...halt]
/** Sends back what comes on COM2, and resets after a Q. */
export const echo = [
  ...[0xba, ...le16(0x2fd), 0xec, 0xa8, 0x01, 0x74, 0xf8],
  ...[0xba, ...le16(0x2f8), 0xec, 0xee, 0x3c, 0x51, 0x75, 0xef, ...reset]
]
/** popcnt eax, eax: no interpreting KVM has it. */
export const popcnt = [0xf3, 0x0f, 0xb8, 0xc0]
/** ud2 */
export const undefinedInstruction = [0x0f, 0x0b]

export const realMode = {
  rip: codeAt,
  cs: { base: 0, limit: 0xffff, selector: 0, type: 11, s: 1 }
}
const flat = { base: 0, limit: 0xffffffff, s: 1, db: 1, g: 1 }
/** 32 bits, flat, without an interrupt table: the first exception is a triple fault. */
export const protectedMode = {
  rip: codeAt,
  cr0: 0x11,
  cs: { ...flat, selector: 8, type: 11 },
  data: { ...flat, selector: 16, type: 3 },
  idt: { base: 0, limit: 0 }
}

export interface Guest {
  readonly machine: NativeMachine
  readonly text: Array<string>
  readonly exit: Promise<NativeExit>
  /** Resolves when all vCPUs wait. */
  readonly paused: () => Promise<void>
  /** Resolves when what came on a port is this. */
  readonly heard: (port: number, text: string) => Promise<void>
  /** Calls of the doorbell. */
  readonly rings: () => number
  readonly destroy: () => Promise<void>
}

export const makeGuest = (
  code: ReadonlyArray<number>,
  options: Partial<NativeMachineOptions & NativeMemoryOptions> & { readonly count?: number } = {}
): Guest => {
  const text = ["", "", ""]
  let rings = 0
  let pausing: (() => void) | undefined
  const listeners = new Set<() => void>()
  let ended: (exit: NativeExit) => void
  const exit = new Promise<NativeExit>((resolve) => {
    ended = resolve
  })
  let gone = false
  const { count = 1, segments = [{ address: 0, size: 1024 * 1024 }], hugePages, files, ...rest } = options
  const memory = new binding.Memory({ segments, hugePages, files })
  const machine = new binding.Machine(
    {
      memory,
      vcpus: Array.from({ length: count }, (_, apicId) => ({ apicId, registers: realMode })),
      ...rest
    },
    () => {
      if (gone) return
      rings++
      const taken = machine.take(7)
      for (const [port, bytes] of taken.bytes.entries()) {
        if (bytes !== undefined) text[port] += Buffer.from(bytes).toString("latin1")
      }
      if (taken.paused) pausing?.()
      for (const listener of listeners) listener()
      if (taken.exit !== undefined) ended(taken.exit)
    }
  )
  memory.release()
  new Uint8Array(machine.memory).set(code, codeAt)
  return {
    machine,
    text,
    exit,
    paused: () =>
      new Promise((resolve) => {
        pausing = resolve
        machine.pause()
      }),
    heard: (port, wanted) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (text[port] !== wanted) return
          listeners.delete(check)
          resolve()
        }
        listeners.add(check)
        check()
      }),
    rings: () => rings,
    destroy: () => {
      gone = true
      return machine.destroy()
    }
  }
}

export const send = (guest: Guest, text: string): number => guest.machine.send(nativePorts.com2, Buffer.from(text))
