// On this host's KVM, whatever its pre-flight says: the guest has no instruction that an interpreting one lacks.
import { layerNativeVmm } from "@ktstr/native"
import { describe } from "vitest"
import { vmmContract } from "../../core/test/vmm/vmmContract.ts"
import { noKvm } from "./kvmDevice.ts"

describe.skipIf(noKvm !== undefined)("on KVM", () => {
  vmmContract("native", layerNativeVmm(), { backend: "native", clock: "kvm" })
})
