/**
 * The CPUID of each vCPU: the host's processor with the requested topology.
 *
 * @since 0.1.0
 */
import type { Topology } from "@ktstr/core"
import { type ApicIds, highestXapicId } from "../ApicIds.ts"
import { amdL3Summary, cacheLeaves } from "./Caches.ts"
import { type CpuidEntry, type CpuVendor, cpuVendor } from "./CpuidEntry.ts"
import { featuresLeaf, hypervisorLeaves, signatureLeaf } from "./Hypervisor.ts"
import { type CpuidPlace, levelLeaves } from "./Levels.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface CpuidOptions {
  /** The result of KVM_GET_SUPPORTED_CPUID. */
  readonly supported: ReadonlyArray<CpuidEntry>
  readonly topology: Topology
  readonly apicIds: ApicIds
  /** Set KVM_HINTS_REALTIME, for vCPUs with dedicated CPUs. */
  readonly realtimeHint: boolean
}

/**
 * Leaves that are built here instead of copied. 0x80000026 is AMD's other way to describe levels; a kernel that finds
 * it empty uses 0xB.
 */
const replaced = new Set([4, 0xb, 0x1f, 0x8000001d, 0x8000001e, 0x80000026, signatureLeaf, featuresLeaf])

const leaf = (fields: Partial<CpuidEntry> & Pick<CpuidEntry, "function">): CpuidEntry => ({
  index: 0,
  flags: 0,
  eax: 0,
  ebx: 0,
  ecx: 0,
  edx: 0,
  ...fields
})

/**
 * Family 0x17 up to model 0x1f has core complexes of 8 APIC ids by definition: Linux takes `apicid >> 3` for the LLC
 * and never reads leaf 0x8000001d (`cacheinfo_amd_init_llc_id`). Guests of such a host see the next model, 0x31, whose
 * LLCs may have any size.
 */
const withFreeLlcs = (signature: number): number => {
  const family = ((signature >>> 8) & 0xf) + ((signature >>> 20) & 0xff)
  const model = ((signature >>> 4) & 0xf) | ((signature >>> 12) & 0xf0)
  return family === 0x17 && model <= 0x1f ? 0x00830f10 : signature
}

const bit = (n: number): number => (1 << n) >>> 0
const or = (register: number, mask: number): number => (register | mask) >>> 0
const without = (register: number, mask: number): number => (register & ~mask) >>> 0

/**
 * Sets the features that describe the arrangement of CPUs, and those that KVM's in-kernel local APIC provides on any
 * host.
 */
const features = (entry: CpuidEntry, vendor: CpuVendor, place: CpuidPlace): CpuidEntry => {
  const { cpusInPackage, shifts, apicId } = place
  const addressable = Math.min(255, vendor === "amd" ? cpusInPackage : 1 << shifts.package)
  // EBX: initial APIC id (8 bits), ids of the package, then CLFLUSH size and brand, which are kept.
  const ebx = (((apicId & 0xff) << 24) | (addressable << 16) | (entry.ebx & 0xffff)) >>> 0
  // x2APIC (21), TSC deadline timer (24), hypervisor (31); MONITOR (3) would leave idle vCPUs spinning on the host.
  const ecx = without(or(entry.ecx, bit(21) | bit(24) | bit(31)), bit(3))
  // HTT (28): the ids in EBX are valid.
  const edx = cpusInPackage > 1 ? or(entry.edx, bit(28)) : without(entry.edx, bit(28))
  return { ...entry, eax: vendor === "amd" ? withFreeLlcs(entry.eax) : entry.eax, ebx, ecx, edx }
}

/** AMD's CPUID specification (24594), leaf 0x80000008 ECX: threads − 1, and the number of id bits of a package. */
const amdSizes = (place: CpuidPlace): number =>
  Math.min(255, place.cpusInPackage - 1) | (Math.min(15, place.shifts.package) << 12)

/** Leaf 0x8000001e: id; core and threads per core; node, one per package. Cores and nodes have 8 bits. */
const amdPlace = (place: CpuidPlace, node: number): CpuidEntry =>
  leaf({
    function: 0x8000001e,
    eax: place.apicId,
    ebx:
      (((place.apicId & (2 ** place.shifts.package - 1)) >>> place.shifts.core) & 0xff) |
      ((place.threadsPerCore - 1) << 8),
    ecx: node & 0xff
  })

/**
 * The CPUID entries for KVM_SET_CPUID2: each vCPU has the common entries, followed by its own.
 *
 * @since 0.1.0
 * @category models
 */
export interface GuestCpuid {
  readonly common: ReadonlyArray<CpuidEntry>
  /** Returns the entries of a vCPU; throws `RangeError` if it does not exist. */
  readonly own: (vcpu: number) => ReadonlyArray<CpuidEntry>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const guestCpuid = (options: CpuidOptions): GuestCpuid => {
  const { supported, topology, apicIds } = options
  const vendor = cpuVendor(supported)
  const amd = vendor === "amd"
  const highest = (range: number): number => supported.find((entry) => entry.function === range)?.eax ?? range
  const lastBasic = Math.max(highest(0), 0xb)
  const lastExtended = Math.max(highest(0x80000000), amd ? 0x8000001e : 0x80000008)
  const caches = cacheLeaves(amd ? 0x8000001d : 4, supported, apicIds.shifts)
  // Current Intel hosts have all of these; if one is missing, the topology must still be described.
  const missing = [0x80000001, 0x80000006, 0x80000008]
    .filter((wanted) => amd && !supported.some((entry) => entry.function === wanted))
    .map((wanted) => leaf({ function: wanted }))
  const edited = [...supported.filter((entry) => !replaced.has(entry.function)), ...missing]

  /** The same for every vCPU. */
  const edit = (entry: CpuidEntry): CpuidEntry => {
    switch (entry.function) {
      case 0:
        return { ...entry, eax: lastBasic }
      case 0x80000000:
        return { ...entry, eax: lastExtended >>> 0 }
      case 0x80000006:
        return amd ? { ...entry, edx: amdL3Summary(caches) } : entry
      default:
        return entry
    }
  }

  const placed = (entry: CpuidEntry): boolean =>
    entry.function === 1 || (amd && (entry.function === 0x80000001 || entry.function === 0x80000008))

  const place = (entry: CpuidEntry, at: CpuidPlace): CpuidEntry => {
    switch (entry.function) {
      case 1:
        return features(entry, vendor, at)
      case 0x80000001: {
        // CmpLegacy (1): more than one CPU per package; TopologyExtensions (22): leaves 0x8000001d and e.
        const legacy = at.cpusInPackage > 1 ? or(entry.ecx, bit(1)) : without(entry.ecx, bit(1))
        return { ...entry, eax: withFreeLlcs(entry.eax), ecx: or(legacy, bit(22)) }
      }
      default:
        return { ...entry, ecx: amdSizes(at) }
    }
  }

  const toPlace = edited.filter(placed)
  const cpusIn = new Map<number, number>()
  for (const number of apicIds.packages) cpusIn.set(number, (cpusIn.get(number) ?? 0) + 1)
  return {
    common: [
      ...edited.filter((entry) => !placed(entry)).map(edit),
      ...caches,
      ...hypervisorLeaves(supported, {
        realtimeHint: options.realtimeHint,
        extendedDestination: apicIds.highest > highestXapicId
      })
    ],
    own: (vcpu) => {
      const apicId = apicIds.ids[vcpu]
      const number = apicIds.packages[vcpu]
      if (apicId === undefined || number === undefined) {
        throw new RangeError(`vCPU ${vcpu} is not in topology ${topology}, which has ${topology.cpus}`)
      }
      const at: CpuidPlace = {
        apicId,
        shifts: apicIds.shifts,
        threadsPerCore: topology.threadsPerCore,
        cpusInPackage: cpusIn.get(number) ?? 1
      }
      return [
        ...toPlace.map((entry) => place(entry, at)),
        ...levelLeaves(0xb, at),
        ...(!amd && lastBasic >= 0x1f ? levelLeaves(0x1f, at) : []),
        ...(amd ? [amdPlace(at, number)] : [])
      ]
    }
  }
}
