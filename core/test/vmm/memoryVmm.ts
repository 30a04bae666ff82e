import { Effect, Layer } from "effect"
import { machineCommandLine } from "../../src/kernel/CommandLine.ts"
import { panicMessage } from "../../src/machine/KernelLines.ts"
import { openScratchDisk } from "../../src/machine/ScratchDisk.ts"
import { type VmExit, Vmm, VmmError, type VmSpec } from "../../src/machine/Vmm.ts"
import { type MemoryVm, makeMemoryVmWith } from "../guest/memoryVm.ts"
import { type Ending, mark, markAddress, readTinyGuest } from "./tinyGuest.ts"

const exitOf = (ending: Exclude<Ending, "hang">, text: string): VmExit => {
  const panic = text
    .split("\n")
    .map(panicMessage)
    .find((message) => message !== undefined)
  if (panic !== undefined) return { _tag: "Panic", message: panic }
  switch (ending) {
    case "poweroff":
      return { _tag: "PowerOff" }
    case "reset":
      return { _tag: "Reset" }
    case "tripleFault":
      return { _tag: "TripleFault", registers: "RIP=100000" }
  }
}

const load = (spec: VmSpec) =>
  Effect.try({
    try: () => readTinyGuest(spec.kernel.vmlinux ?? spec.kernel.image),
    catch: (cause) => new VmmError({ reason: "BadKernel", message: String(cause), cause })
  })

/** Machines in memory that do what the tiny guest's code would do. */
export const layerMemoryVmm: Layer.Layer<Vmm> = Layer.succeed(Vmm, {
  boot: (spec) =>
    Effect.gen(function* () {
      yield* machineCommandLine(spec, [])
      const { ending, text } = yield* load(spec)
      const size = spec.memoryMb * 1024 * 1024
      yield* openScratchDisk(spec.scratchDiskMb)
      if (spec.ring !== undefined && spec.ring.address + spec.ring.size > size) {
        return yield* new VmmError({ reason: "BadSpec", message: "the ring is not within RAM" })
      }
      const hears = (bytes: Uint8Array, self: MemoryVm) =>
        Effect.gen(function* () {
          yield* self.say(bytes)
          if (bytes.includes("Q".charCodeAt(0)) && ending !== "hang") yield* self.end(exitOf(ending, text))
        })
      const self = yield* Effect.acquireRelease(makeMemoryVmWith({ memoryMb: spec.memoryMb, hears }), (made) =>
        made.end({ _tag: "Killed" })
      )
      const word = new Uint8Array(4)
      new DataView(word.buffer).setUint32(0, mark, true)
      self.vm.memory.write(markAddress, word)
      for (const line of text.replace(/\n$/, "").split("\n")) self.print(line)
      return self.vm
    })
})
