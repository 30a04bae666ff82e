/**
 * One leaf of CPUID, with the names of `struct kvm_cpuid_entry2`.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 * @category models
 */
export interface CpuidEntry {
  readonly function: number
  readonly index: number
  /** {@link significantIndex} or 0. */
  readonly flags: number
  readonly eax: number
  readonly ebx: number
  readonly ecx: number
  readonly edx: number
}

/**
 * KVM_CPUID_FLAG_SIGNIFCANT_INDEX: the entry only applies to this value of ECX.
 *
 * @since 0.1.0
 * @category constants
 */
export const significantIndex = 1

/**
 * The vendor of the processor determines which leaves exist and what some bits mean.
 *
 * @since 0.1.0
 * @category models
 */
export type CpuVendor = "intel" | "amd"

/**
 * Reads the vendor from leaf 0. Hygon's processors follow AMD's design; all others follow Intel's.
 *
 * @since 0.1.0
 * @category conversions
 */
export const cpuVendor = (entries: ReadonlyArray<CpuidEntry>): CpuVendor => {
  const leaf = entries.find((entry) => entry.function === 0)
  const text = (register: number): string =>
    String.fromCharCode(...[0, 8, 16, 24].map((shift) => (register >>> shift) & 0xff))
  const name = leaf === undefined ? "" : text(leaf.ebx) + text(leaf.edx) + text(leaf.ecx)
  return name === "AuthenticAMD" || name === "HygonGenuine" ? "amd" : "intel"
}
