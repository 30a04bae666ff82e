/**
 * The leaves by which a guest detects that it runs on KVM (Documentation/virt/kvm/x86/cpuid.rst).
 *
 * @since 0.1.0
 */
import type { CpuidEntry } from "./CpuidEntry.ts"

/**
 * The leaf with the signature and the number of the last of these leaves.
 *
 * @since 0.1.0
 * @category constants
 */
export const signatureLeaf = 0x40000000

/**
 * @since 0.1.0
 * @category constants
 */
export const featuresLeaf = 0x40000001

/** KVM_FEATURE_MSI_EXT_DEST_ID: interrupts from I/O APIC and MSI reach 15-bit APIC ids. */
const extendedDestination = 1 << 15
/** KVM_HINTS_REALTIME: vCPUs are never preempted for long, so plain spinning is appropriate. */
const realtimeHint = 1

const word = (text: string): number =>
  (text.charCodeAt(0) | (text.charCodeAt(1) << 8) | (text.charCodeAt(2) << 16) | (text.charCodeAt(3) << 24)) >>> 0

/**
 * Returns the host's features with those that this machine adds.
 *
 * @since 0.1.0
 * @category constructors
 */
export const hypervisorLeaves = (
  host: ReadonlyArray<CpuidEntry>,
  options: { readonly realtimeHint: boolean; readonly extendedDestination: boolean }
): ReadonlyArray<CpuidEntry> => {
  const features = host.find((entry) => entry.function === featuresLeaf)
  const none = { index: 0, flags: 0, eax: 0, ebx: 0, ecx: 0, edx: 0 }
  return [
    {
      ...none,
      function: signatureLeaf,
      eax: featuresLeaf,
      ebx: word("KVMK"),
      ecx: word("VMKV"),
      // "M" and three NULs.
      edx: "M".charCodeAt(0)
    },
    {
      ...none,
      function: featuresLeaf,
      eax: ((features?.eax ?? 0) | (options.extendedDestination ? extendedDestination : 0)) >>> 0,
      edx: options.realtimeHint ? realtimeHint : 0
    }
  ]
}
