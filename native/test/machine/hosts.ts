// The result of KVM_GET_SUPPORTED_CPUID on two kinds of host, cut to the leaves that matter to a topology.
import type { CpuidEntry } from "../../machine/cpuid/CpuidEntry.ts"

const entry = (fields: Partial<CpuidEntry> & Pick<CpuidEntry, "function">): CpuidEntry => ({
  index: 0,
  flags: 0,
  eax: 0,
  ebx: 0,
  ecx: 0,
  edx: 0,
  ...fields
})

const word = (text: string): number => Buffer.from(text).readUInt32LE()

const kvm = [
  entry({
    function: 0x40000000,
    eax: 0x40000001,
    ebx: word("KVMK"),
    ecx: word("VMKV"),
    edx: "M".charCodeAt(0)
  }),
  entry({ function: 0x40000001, eax: 0x0100_7afb })
]

/** An Ice Lake server: 2 threads a core, an L3 over 64 ids, dies. */
export const intelHost: ReadonlyArray<CpuidEntry> = [
  entry({ function: 0, eax: 0x1f, ebx: word("Genu"), edx: word("ineI"), ecx: word("ntel") }),
  entry({ function: 1, eax: 0x606a6, ebx: 0x0740_0800, ecx: 0xf6fa_3203, edx: 0x0f8b_fbff }),
  entry({ function: 4, index: 0, flags: 1, eax: 0x7c00_4121, ebx: 0x02c0_003f, ecx: 63 }),
  entry({ function: 4, index: 1, flags: 1, eax: 0x7c00_4122, ebx: 0x01c0_003f, ecx: 63 }),
  entry({ function: 4, index: 2, flags: 1, eax: 0x7c00_4143, ebx: 0x04c0_003f, ecx: 1023 }),
  entry({ function: 4, index: 3, flags: 1, eax: 0x7c0f_c163, ebx: 0x02c0_003f, ecx: 0xbfff, edx: 4 }),
  entry({ function: 4, index: 4, flags: 1 }),
  entry({ function: 7, flags: 1, ebx: 0xf1bf_07ab }),
  entry({ function: 0xb, index: 0, flags: 1, eax: 1, ebx: 2, ecx: 0x100, edx: 7 }),
  entry({ function: 0xb, index: 1, flags: 1, eax: 6, ebx: 48, ecx: 0x201, edx: 7 }),
  entry({ function: 0x1f, index: 0, flags: 1, eax: 1, ebx: 2, ecx: 0x100, edx: 7 }),
  entry({ function: 0x1f, index: 1, flags: 1, eax: 6, ebx: 48, ecx: 0x201, edx: 7 }),
  ...kvm,
  entry({ function: 0x80000000, eax: 0x80000008 }),
  entry({ function: 0x80000001, ecx: 0x121, edx: 0x2c10_0800 }),
  entry({ function: 0x80000008, eax: 0x3934 })
]

/** A first-generation EPYC without leaves 0x8000001d and e, as qemu emulates one. */
export const amdHost: ReadonlyArray<CpuidEntry> = [
  entry({ function: 0, eax: 0xd, ebx: word("Auth"), edx: word("enti"), ecx: word("cAMD") }),
  entry({ function: 1, eax: 0x0080_0f12, ebx: 0x0102_0800, ecx: 0x8638_3209, edx: 0x178b_fbff }),
  entry({ function: 7, flags: 1, ebx: 0x209c_01a9 }),
  ...kvm,
  entry({ function: 0x80000000, eax: 0x8000000a }),
  entry({ function: 0x80000001, eax: 0x0080_0f12, ecx: 0x1f7, edx: 0x2fd3_fbff }),
  entry({ function: 0x80000008, eax: 0x3028, ecx: 1 }),
  entry({ function: 0x8000000a, eax: 1, ebx: 8 })
]

/** A fourth-generation EPYC: caches, places and levels in AMD's own leaves. */
export const newAmdHost: ReadonlyArray<CpuidEntry> = [
  entry({ function: 0, eax: 0x10, ebx: word("Auth"), edx: word("enti"), ecx: word("cAMD") }),
  entry({ function: 1, eax: 0x00a1_0f11, ebx: 0x05c0_0800, ecx: 0xfeda_3203, edx: 0x178b_fbff }),
  entry({ function: 0xb, index: 0, flags: 1, eax: 1, ebx: 2, ecx: 0x100, edx: 5 }),
  entry({ function: 0xb, index: 1, flags: 1, eax: 8, ebx: 192, ecx: 0x201, edx: 5 }),
  ...kvm,
  entry({ function: 0x80000000, eax: 0x80000028 }),
  entry({ function: 0x80000001, eax: 0x00a1_0f11, ecx: 0x75c2_37ff, edx: 0x2fd3_fbff }),
  entry({ function: 0x80000006, ecx: 0x0400_8140, edx: 0x0800_9140 }),
  entry({ function: 0x80000008, eax: 0x3030, ecx: 0x70bf }),
  entry({ function: 0x8000001d, index: 0, flags: 1, eax: 0x4121, ebx: 0x01c0_003f, ecx: 63 }),
  entry({ function: 0x8000001d, index: 1, flags: 1, eax: 0x4122, ebx: 0x01c0_003f, ecx: 63 }),
  entry({ function: 0x8000001d, index: 2, flags: 1, eax: 0x4143, ebx: 0x01c0_003f, ecx: 2047, edx: 2 }),
  entry({ function: 0x8000001d, index: 3, flags: 1, eax: 0x0003_c163, ebx: 0x03c0_003f, ecx: 0x7fff, edx: 1 }),
  entry({ function: 0x8000001d, index: 4, flags: 1 }),
  entry({ function: 0x8000001e, eax: 5, ebx: 0x102, ecx: 0x300 }),
  entry({ function: 0x80000026, index: 0, flags: 1, eax: 1, ebx: 2, ecx: 0x100, edx: 5 }),
  entry({ function: 0x80000026, index: 1, flags: 1, eax: 4, ebx: 16, ecx: 0x201, edx: 5 })
]

export const hosts = { intelHost, amdHost, newAmdHost }
