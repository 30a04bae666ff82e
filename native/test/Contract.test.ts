// Runs on this host's KVM even if the pre-flight check refuses it: the guest uses only instructions that an interpreting KVM supports.
import { layerNativeVmm } from "@ktstr/native"
import { describe } from "vitest"
import { vmmContract } from "../../core/test/vmm/vmmContract.ts"
import { noKvm } from "./kvmDevice.ts"

describe.skipIf(noKvm !== undefined)("on KVM", () => {
  vmmContract("native", layerNativeVmm(), { backend: "native", clock: "kvm" })
})
