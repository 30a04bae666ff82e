/**
 * Describes all bytes of a machine according to its options.
 *
 * @since 0.1.0
 */

import type { Topology } from "@ktstr/core"
import { nodeMemoryMb, placeRam, type RamSegment } from "@ktstr/core/topology"
import { Either } from "effect"
import { type ApicIds, apicIds, highestXapicId } from "./ApicIds.ts"
import { acpiTables, type PlacedTable } from "./acpi/Acpi.ts"
import { maxProcessors } from "./acpi/Dsdt.ts"
import { type BootRegisters, bootRegisters } from "./BootRegisters.ts"
import { type GuestCpuid, guestCpuid } from "./cpuid/Cpuid.ts"
import type { CpuidEntry } from "./cpuid/CpuidEntry.ts"
import { e820Map } from "./E820.ts"
import { gdt } from "./Gdt.ts"
import {
  type AddressRange,
  type FileRange,
  type KernelFile,
  type KernelLoad,
  loadKernel,
  type MemoryWrite
} from "./KernelLoad.ts"
import { acpiBase, bootAddresses, extendedMemory, highMemory, holeStart, maxCmdline, virtioMmio } from "./Layout.ts"
import { MachineError } from "./MachineError.ts"
import { mpTable } from "./MpTable.ts"
import { identityPageTables } from "./PageTables.ts"
import { placeInitrd } from "./Placement.ts"
import { zeroPage } from "./ZeroPage.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface MachineOptions {
  readonly topology: Topology
  readonly memoryMb: number
  /** An uncompressed ELF `vmlinux`, or a bzImage for a kernel that chooses its own address. */
  readonly kernel: KernelFile
  /** Bytes; 0: none. */
  readonly initrdSize: number
  /** The complete command line; ASCII. */
  readonly cmdline: string
  /** A range that the command line reserves: checked to lie in RAM below the hole, and not used for anything loaded. */
  readonly reserved?: AddressRange | undefined
  /** The result of KVM_GET_SUPPORTED_CPUID. */
  readonly supportedCpuid: ReadonlyArray<CpuidEntry>
  /** Tell the guest that its vCPUs have dedicated CPUs. Default false. */
  readonly realtimeHint?: boolean | undefined
  /** Number of virtio-mmio devices in the DSDT. Default 0. */
  readonly virtioDevices?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface MachineDescription {
  /** Guest RAM by ascending address, split by NUMA node; the host mapping contains the segments in this order. */
  readonly segments: ReadonlyArray<{ readonly address: number; readonly size: number; readonly node: number }>
  /**
   * Contents of memory before the first instruction, besides kernel and initramfs; everything else is 0. They do not
   * overlap.
   */
  readonly writes: ReadonlyArray<MemoryWrite>
  /** The parts of the kernel's file that are loaded. */
  readonly kernelParts: ReadonlyArray<FileRange>
  /** By vCPU index; the id is also the number with which a vCPU is created (KVM_CREATE_VCPU). */
  readonly apicIds: ReadonlyArray<number>
  /**
   * `kernel`: KVM's own interrupt chips. `split`: an APIC id exceeds 254, which KVM's I/O APIC can't address; the
   * machine has its own
   * (KVM_CAP_SPLIT_IRQCHIP), whose redirection entries have bits 8–14 of the destination in their bits 49–55, and sets
   * KVM_CAP_X2APIC_API.
   */
  readonly irqchip: "kernel" | "split"
  readonly cpuid: GuestCpuid
  /** Registers of vCPU 0; the others wait for their start-up interrupt. */
  readonly entry: BootRegisters
  /** The address of each part, for messages and tests. */
  readonly kernel: AddressRange
  readonly initrd: AddressRange | undefined
  readonly acpi: ReadonlyArray<PlacedTable>
}

/**
 * Where the files of a machine are loaded in memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface MachinePlaces {
  /** Guest RAM by ascending address, split by NUMA node. */
  readonly segments: ReadonlyArray<RamSegment>
  readonly kernel: KernelLoad
  readonly initrd: AddressRange | undefined
}

const mib = 1024 * 1024

const badSpec = (message: string): MachineError => new MachineError({ reason: "BadSpec", message })

const encodeCmdline = (cmdline: string, kernelMax: number | undefined): Either.Either<Uint8Array, MachineError> => {
  const bytes = new TextEncoder().encode(`${cmdline}\0`)
  const max = Math.min(maxCmdline, kernelMax ?? maxCmdline)
  if (bytes.length - 1 > max) {
    return Either.left(
      badSpec(`the kernel command line has ${bytes.length - 1} bytes, the kernel takes ${max}; shorten it`)
    )
  }
  if (cmdline.includes("\0")) return Either.left(badSpec("the kernel command line holds a NUL; remove it"))
  return Either.right(bytes)
}

const checkOptions = (options: MachineOptions): Either.Either<void, MachineError> => {
  const { topology } = options
  const devices = options.virtioDevices ?? 0
  if (topology.cpus > maxProcessors) {
    return Either.left(badSpec(`topology ${topology} has ${topology.cpus} CPUs, a machine at most ${maxProcessors}`))
  }
  if (!Number.isInteger(devices) || devices < 0 || devices > virtioMmio.max) {
    return Either.left(badSpec(`${devices} virtio devices; a machine has 0 to ${virtioMmio.max}`))
  }
  return Either.void
}

/** RAM from the end of the ACPI tables, or 1 MiB, to the hole. */
const lowRamOf = (ram: ReadonlyArray<RamSegment>, acpiEnd: number): AddressRange => {
  const low = ram.filter((segment) => segment.address < highMemory)
  const end = Math.max(...low.map((segment) => segment.address + segment.size))
  const address = Math.max(extendedMemory, acpiEnd)
  return { address, size: Math.max(0, end - address) }
}

const assemble = (
  options: MachineOptions,
  { kernel, segments: ram }: MachinePlaces,
  ids: ApicIds
): Either.Either<MachineDescription, MachineError> => {
  const acpi = acpiTables({ topology: options.topology, apicIds: ids, ram, virtioDevices: options.virtioDevices ?? 0 })
  const acpiEnd = Math.max(...acpi.map((table) => table.address + table.bytes.length))
  const cpuid = guestCpuid({
    supported: options.supportedCpuid,
    topology: options.topology,
    apicIds: ids,
    realtimeHint: options.realtimeHint ?? false
  })
  const features = cpuid.own(0).find((entry) => entry.function === 1)
  return Either.gen(function* () {
    const cmdline = yield* encodeCmdline(options.cmdline, kernel.maxCmdline)
    // The place determined before, unless the ACPI tables leave no room for the rest.
    const initrd = yield* placeInitrd({
      kernel,
      initrdSize: options.initrdSize,
      lowRam: lowRamOf(ram, acpiEnd),
      reserved: options.reserved
    })
    const parameters = zeroPage({
      setupHeader: kernel.setupHeader,
      cmdline: bootAddresses.cmdline,
      initrd,
      rsdp: acpiBase,
      e820: e820Map(ram, acpiEnd)
    })
    return {
      segments: ram.map(({ address, size, node }) => ({ address, size, node })),
      writes: [
        { address: bootAddresses.gdt, bytes: gdt() },
        { address: bootAddresses.zeroPage, bytes: parameters },
        { address: bootAddresses.pageTables, bytes: identityPageTables(bootAddresses.pageTables) },
        { address: bootAddresses.cmdline, bytes: cmdline },
        ...acpi.map(({ address, bytes }) => ({ address, bytes })),
        ...mpTable({ apicIds: ids.ids, signature: features?.eax ?? 0, features: features?.edx ?? 0 })
      ],
      kernelParts: kernel.parts,
      apicIds: ids.ids,
      irqchip: ids.highest > highestXapicId ? ("split" as const) : ("kernel" as const),
      cpuid,
      entry: bootRegisters(kernel.entry),
      kernel: kernel.occupied,
      initrd,
      acpi
    }
  })
}

/**
 * Determines what can be known before everything else, so that loading can begin.
 *
 * @since 0.1.0
 * @category constructors
 */
export const placeMachine = (options: MachineOptions): Either.Either<MachinePlaces, MachineError> =>
  Either.gen(function* () {
    yield* checkOptions(options)
    const nodesMb = yield* Either.mapLeft(nodeMemoryMb(options.topology, options.memoryMb), badSpec)
    const total = nodesMb.reduce((sum, mb) => sum + mb, 0) * mib
    const segments = placeRam(nodesMb, Math.min(total, holeStart))
    const kernel = yield* loadKernel(options.kernel)
    const lowRam = lowRamOf(segments, 0)
    const { initrdSize, reserved } = options
    return { segments, kernel, initrd: yield* placeInitrd({ kernel, initrdSize, lowRam, reserved }) }
  })

/**
 * Pure: the same options give the same bytes. `places` is the result of {@link placeMachine} for these options.
 *
 * @since 0.1.0
 * @category constructors
 */
export const describeMachine = (
  options: MachineOptions,
  places?: MachinePlaces
): Either.Either<MachineDescription, MachineError> =>
  Either.flatMap(places === undefined ? placeMachine(options) : Either.right(places), (known) =>
    assemble(options, known, apicIds(options.topology))
  )
