import { Deferred, Effect, Option } from "effect"
import { describe, expect, it } from "vitest"
import type { NativeExit, NativeMachine, NativeTaken } from "../lib/NativeBinding.ts"
import { NativeRun } from "../lib/NativeRun.ts"

/** Returns the end that a run reports of a machine with this console output and this exit. */
const exitOf = (exit: NativeExit, said = "") => {
  const run = new NativeRun()
  const taken: NativeTaken = { bytes: [Buffer.from(said), undefined, undefined], sent: 0, paused: false, exit }
  run.attach({ take: () => taken, stop: () => {} } as unknown as NativeMachine)
  run.ring()
  return Effect.runSync(Effect.map(Deferred.poll(run.exit), Option.map(Effect.runSync))).pipe(Option.getOrThrow)
}

describe("the end of a native machine", () => {
  const lost = "COM2: the guest sent on while 5242880 bytes waited for the host; what followed is lost"
  const failed = { kind: "DeviceError", message: lost, registers: "" } as const

  it("names the device that failed on the host", () => {
    expect(exitOf(failed)).toEqual({ _tag: "DeviceError", message: lost })
  })

  it("is the device's failure also where the guest's kernel panicked over it", () => {
    expect(exitOf(failed, "Kernel panic - not syncing: VFS: no disk\n")).toEqual({ _tag: "DeviceError", message: lost })
  })

  it("is the panic where the machine merely reset after it", () => {
    const exit = { kind: "Reset", message: "", registers: "" } as const
    expect(exitOf(exit, "Kernel panic - not syncing: no init\n")).toEqual({ _tag: "Panic", message: "no init" })
  })
})
