import { expect, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { describe } from "vitest"
import { judgeEnd, MachineWitness, type SeenEnd } from "../src/machine/index.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const panic = "Kernel panic - not syncing: no init\n"

describe("how a machine ended", () => {
  const reset: SeenEnd = { _tag: "UnexplainedReset", registers: "RIP=0" }
  const failed: SeenEnd = { _tag: "DeviceError", message: "disk full" }
  it.each([
    ["a panic beats what the backend saw", { _tag: "Killed" }, { panic: "x", restarting: false }, "Panic"],
    ["a panic beats an announced restart", reset, { panic: "x", restarting: true }, "Panic"],
    ["a device of the host beats a panic", failed, { panic: "x", restarting: false }, "DeviceError"],
    ["an announced restart is a reset", reset, { restarting: true }, "Reset"],
    ["a reset that nothing explains is a triple fault", reset, { restarting: false }, "TripleFault"],
    ["a reset that the backend explains is one", { _tag: "Reset" }, { restarting: false }, "Reset"],
    ["a panic without words is one", { _tag: "Panicked" }, { restarting: false }, "Panic"],
    ["what nothing contradicts stays", { _tag: "PowerOff" }, { restarting: true }, "PowerOff"]
  ] as const)("%s", (_, seen, evidence, tag) => {
    expect(judgeEnd(seen, evidence)._tag).toBe(tag)
  })

  it("keeps the first panic, also of a line that nothing ends", () => {
    const witness = new MachineWitness(() => {})
    witness.hear(bytes(panic))
    witness.hear(bytes("Kernel panic - not syncing: another"))
    witness.ended({ _tag: "PowerOff" })
    expect(Effect.runSync(Deferred.await(witness.exit))).toEqual({ _tag: "Panic", message: "no init" })
  })
})

it.live("leaves a machine alone that ended after its panic", () =>
  Effect.gen(function* () {
    let kills = 0
    const witness = new MachineWitness(() => kills++)
    witness.hear(bytes(panic))
    witness.ended({ _tag: "Reset" })
    yield* Effect.sleep(10)
    expect(kills).toBe(0)
  })
)
