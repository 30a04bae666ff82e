/**
 * Caches as described by CPUID: sizes come from the host if it provides them, sharing from the topology. The first two
 * levels are private to a core, the third is the LLC.
 *
 * @since 0.1.0
 */
import type { ApicIdShifts } from "../ApicIds.ts"
import { type CpuidEntry, significantIndex } from "./CpuidEntry.ts"

/** Caches of a common server core, for hosts that do not describe theirs. */
const defaults: ReadonlyArray<{
  readonly type: number
  readonly level: number
  readonly ways: number
  readonly kib: number
}> = [
  { type: 1, level: 1, ways: 8, kib: 32 },
  { type: 2, level: 1, ways: 8, kib: 32 },
  { type: 3, level: 2, ways: 8, kib: 1024 },
  { type: 3, level: 3, ways: 16, kib: 16384 }
]

const lineSize = 64
const llcLevel = 3

/** CPUID leaf 4 and 0x8000001d share this form: EAX type (0–4), level (5–7), self-initialising (8); EBX ways, partitions, line; ECX sets. */
const described = ({ type, level, ways, kib }: (typeof defaults)[number]): Omit<CpuidEntry, "function" | "index"> => ({
  flags: significantIndex,
  eax: type | (level << 5) | (1 << 8),
  ebx: (((ways - 1) << 22) | (lineSize - 1)) >>> 0,
  ecx: (kib * 1024) / (ways * lineSize) - 1,
  edx: 0
})

const levelOf = (entry: Pick<CpuidEntry, "eax">): number => (entry.eax >>> 5) & 7
const typeOf = (entry: Pick<CpuidEntry, "eax">): number => entry.eax & 0x1f

/**
 * Converts the host's subleaves of leaf 4 (Intel) or 0x8000001d (AMD) to the guest's, ended by a subleaf of type 0.
 * Sharing is expressed as the span of APIC ids, a power of two, because kernels shift or divide ids by it
 * (arch/x86/kernel/cpu/cacheinfo.c).
 *
 * @since 0.1.0
 * @category constructors
 */
export const cacheLeaves = (
  leaf: number,
  host: ReadonlyArray<CpuidEntry>,
  shifts: ApicIdShifts
): ReadonlyArray<CpuidEntry> => {
  const told = host.filter((entry) => entry.function === leaf && typeOf(entry) !== 0 && levelOf(entry) <= llcLevel)
  const missing = defaults.filter(
    ({ type, level }) => !told.some((entry) => levelOf(entry) === level && (level > 1 || typeOf(entry) === type))
  )
  const caches = [...told, ...missing.map(described)].sort((a, b) => levelOf(a) - levelOf(b) || typeOf(a) - typeOf(b))
  // Intel only: bits 26–31 are the cores of the package, as the span of their ids; 6 bits wide.
  const cores = leaf === 4 ? Math.min(63, (1 << (shifts.package - shifts.core)) - 1) : 0
  const subleaves = caches.map((cache, index) => {
    const sharing = (1 << (levelOf(cache) === llcLevel ? shifts.llc : shifts.core)) - 1
    // Bit 9, fully associative, keeps the host's value.
    const eax = (cache.eax & 0x3ff) | (Math.min(sharing, 0xfff) << 14) | (cores << 26)
    return { ...cache, function: leaf, index, flags: significantIndex, eax: eax >>> 0 }
  })
  const end = { function: leaf, index: subleaves.length, flags: significantIndex, eax: 0, ebx: 0, ecx: 0, edx: 0 }
  return [...subleaves, end]
}

/** Returns the size in KiB of a subleaf of {@link cacheLeaves}. */
const kibOf = (entry: CpuidEntry): number =>
  (((entry.ebx >>> 22) + 1) * (((entry.ebx >>> 12) & 0x3ff) + 1) * ((entry.ebx & 0xfff) + 1) * (entry.ecx + 1)) / 1024

/**
 * EDX of leaf 0x80000006: the L3 in units of 512 KiB (bits 18–31), 16-way (code 8 in bits 12–15), line size. Linux only
 * looks for an L3 if this is not 0 (`cacheinfo_amd_init_llc_id`).
 *
 * @since 0.1.0
 * @category constructors
 */
export const amdL3Summary = (leaves: ReadonlyArray<CpuidEntry>): number => {
  const l3 = leaves.find((entry) => levelOf(entry) === llcLevel)
  const units = l3 === undefined ? 0 : Math.max(1, Math.floor(kibOf(l3) / 512))
  return ((Math.min(units, 0x3fff) << 18) | (8 << 12) | (1 << 8) | lineSize) >>> 0
}
