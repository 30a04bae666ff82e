import { KvmProbe, KvmVerdict } from "@ktstr/core/machine"
import { layerQemu } from "@ktstr/vmm-qemu"
import { Effect, Layer } from "effect"
import { vmmContract } from "../../../core/test/vmm/vmmContract.ts"

const noProbe = Layer.succeed(KvmProbe, {
  verdict: Effect.succeed(KvmVerdict.make({ verdict: "absent", reason: "not asked for" }))
})

vmmContract("qemu", Layer.provide(layerQemu({ accel: "tcg" }), noProbe), { backend: "qemu", clock: "emulated" })
