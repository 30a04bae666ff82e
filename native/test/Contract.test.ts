// On this host's KVM, whatever its pre-flight says: the guest has no instruction that an interpreting one lacks.
import { layerNativeVmm } from "@ktstr/native"
import { vmmContract } from "../../core/test/vmm/vmmContract.ts"

vmmContract("native", layerNativeVmm(), { backend: "native", clock: "kvm" })
