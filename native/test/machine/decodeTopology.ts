// How a kernel reads a topology out of CPUID (Linux arch/x86/kernel/cpu/{topology_ext,topology_amd,cacheinfo}.c), written without
// looking at what wrote it.
import type { CpuidEntry } from "../../machine/cpuid/CpuidEntry.ts"

export interface DecodedCpu {
  readonly apicId: number
  readonly package: number
  readonly core: number
  readonly thread: number
  /** Numbers of what it shares, equal on all CPUs that share it. */
  readonly l1d: number
  readonly l2: number
  readonly l3: number
  readonly threadsPerCore: number
  readonly cpusPerPackage: number
}

type Registers = Pick<CpuidEntry, "eax" | "ebx" | "ecx" | "edx">

const none: Registers = { eax: 0, ebx: 0, ecx: 0, edx: 0 }

const bits = (value: number, from: number, to: number): number => Math.floor(value / 2 ** from) % 2 ** (to - from + 1)

/** The kernel's get_count_order. */
const order = (count: number): number => {
  let shift = 0
  while (2 ** shift < count) shift++
  return shift
}

/** As the CPUID instruction: a leaf above the range's maximum, or that is not there, has no contents. */
export const cpuidInstruction =
  (entries: ReadonlyArray<CpuidEntry>) =>
  (leaf: number, subleaf = 0): Registers => {
    const range = leaf >= 0x80000000 ? 0x80000000 : 0
    const last = entries.find((entry) => entry.function === range)?.eax ?? 0
    if (leaf > last && leaf < 0x40000000) return none
    if (leaf > last && leaf >= 0x80000000) return none
    return entries.find((e) => e.function === leaf && ((e.flags & 1) === 0 || e.index === subleaf)) ?? none
  }

const vendorName = (cpuid: ReturnType<typeof cpuidInstruction>): string => {
  const { ebx, ecx, edx } = cpuid(0)
  const bytes = Buffer.alloc(12)
  bytes.writeUInt32LE(ebx, 0)
  bytes.writeUInt32LE(edx, 4)
  bytes.writeUInt32LE(ecx, 8)
  return bytes.toString("latin1")
}

/** Leaf 0x1f where it has contents, else 0xb; subleaves until one has type 0. */
const levels = (cpuid: ReturnType<typeof cpuidInstruction>, leaf: number) => {
  const found: Array<{ type: number; shift: number; count: number; id: number }> = []
  for (let subleaf = 0; ; subleaf++) {
    const { eax, ebx, ecx, edx } = cpuid(leaf, subleaf)
    const type = bits(ecx, 8, 15)
    if (type === 0 || bits(ebx, 0, 15) === 0) return found
    found.push({ type, shift: bits(eax, 0, 4), count: bits(ebx, 0, 15), id: edx })
  }
}

const sharingShift = (
  cpuid: ReturnType<typeof cpuidInstruction>,
  leaf: number,
  level: number,
  type: number
): number => {
  for (let subleaf = 0; ; subleaf++) {
    const { eax } = cpuid(leaf, subleaf)
    if (bits(eax, 0, 4) === 0) throw new Error(`no cache of level ${level} in leaf 0x${leaf.toString(16)}`)
    if (bits(eax, 5, 7) === level && (type === 0 || bits(eax, 0, 4) === type)) return order(bits(eax, 14, 25) + 1)
  }
}

/** init_intel_cacheinfo and cacheinfo_amd_init_llc_id. */
const llcShift = (cpuid: ReturnType<typeof cpuidInstruction>, amd: boolean): number => {
  if (!amd) return sharingShift(cpuid, 4, 3, 0)
  const signature = cpuid(1).eax
  const family = bits(signature, 8, 11) + bits(signature, 20, 27)
  const model = bits(signature, 4, 7) + 16 * bits(signature, 16, 19)
  if (cpuid(0x80000006).edx === 0) throw new Error("leaf 0x80000006 knows of no L3")
  if (family < 0x17) throw new Error("the LLC is the node's")
  return family === 0x17 && model <= 0x1f ? 3 : sharingShift(cpuid, 0x8000001d, 3, 0)
}

export const decodeCpu = (entries: ReadonlyArray<CpuidEntry>): DecodedCpu => {
  const cpuid = cpuidInstruction(entries)
  const amd = vendorName(cpuid) === "AuthenticAMD"
  if (amd && bits(cpuid(0x80000001).ecx, 22, 22) !== 1) throw new Error("no topology extensions")
  const leaves = amd ? [0x80000026, 0xb] : [0x1f, 0xb]
  const found = leaves.map((leaf) => levels(cpuid, leaf)).find((list) => list.length > 0)
  if (found === undefined) throw new Error("no topology leaf")
  const thread = found.find((level) => level.type === 1)
  const core = found.find((level) => level.type === 2)
  if (thread === undefined || core === undefined) throw new Error("a level is missing")
  const apicId = amd ? cpuid(0x8000001e).eax : thread.id
  if (apicId !== thread.id) throw new Error(`leaves disagree about the APIC id: ${apicId} and ${thread.id}`)
  const caches = amd ? 0x8000001d : 4
  const l3 = llcShift(cpuid, amd)
  return {
    apicId,
    package: Math.floor(apicId / 2 ** core.shift),
    core: Math.floor((apicId % 2 ** core.shift) / 2 ** thread.shift),
    thread: apicId % 2 ** thread.shift,
    l1d: Math.floor(apicId / 2 ** sharingShift(cpuid, caches, 1, 1)),
    l2: Math.floor(apicId / 2 ** sharingShift(cpuid, caches, 2, 0)),
    l3: Math.floor(apicId / 2 ** l3),
    threadsPerCore: thread.count,
    cpusPerPackage: core.count
  }
}
