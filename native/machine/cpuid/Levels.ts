/**
 * Threads, cores and packages as described by CPUID (Intel SDM volume 2, CPUID leaves 0xB and 0x1F).
 *
 * @since 0.1.0
 */
import type { ApicIdShifts } from "../ApicIds.ts"
import { type CpuidEntry, significantIndex } from "./CpuidEntry.ts"

/** ECX bits 8–15. */
const LevelType = { invalid: 0, thread: 1, core: 2 } as const

/**
 * The position of one CPU, for its leaves.
 *
 * @since 0.1.0
 * @category models
 */
export interface CpuidPlace {
  readonly apicId: number
  readonly shifts: ApicIdShifts
  readonly threadsPerCore: number
  /** Number of CPUs in its package. */
  readonly cpusInPackage: number
}

/**
 * Returns the subleaves: threads, cores, and the one that ends the list. LLCs are not a separate level: the cache
 * leaves describe them, and a die level would turn one object into two.
 *
 * @since 0.1.0
 * @category constructors
 */
export const levelLeaves = (leaf: number, place: CpuidPlace): ReadonlyArray<CpuidEntry> =>
  [
    { type: LevelType.thread, shift: place.shifts.core, count: place.threadsPerCore },
    { type: LevelType.core, shift: place.shifts.package, count: place.cpusInPackage },
    { type: LevelType.invalid, shift: 0, count: 0 }
  ].map(({ type, shift, count }, index) => ({
    function: leaf,
    index,
    flags: significantIndex,
    eax: shift,
    ebx: count,
    ecx: (type << 8) | index,
    edx: place.apicId
  }))
