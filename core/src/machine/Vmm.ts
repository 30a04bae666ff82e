/**
 * The service through which the host uses virtual machines.
 *
 * @since 0.1.0
 */
import { Context, Data, type Deferred, type Effect, type Scope, type Stream } from "effect"
import type { Topology } from "../topology/index.ts"
import type { ClockMode } from "./ClockMode.ts"
import type { HostDelayMeter } from "./HostDelay.ts"

/**
 * What to boot. `core` builds it from a scenario and a kernel; a backend adds only what its own machine needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface VmSpec {
  readonly kernel: {
    /** Path of a bzImage, or of an uncompressed ELF (then `vmlinux` is the same). */
    readonly image: string
    /** Path of the uncompressed ELF, if the cache has it. Backends that can boot an ELF use it, so that the guest need not unpack the kernel. */
    readonly vmlinux?: string | undefined
  }
  /** Paths of newc archives, in the order in which the kernel unpacks them. */
  readonly initramfs: ReadonlyArray<string>
  /** Kernel command line, without the arguments that the backend itself needs (console, devices). */
  readonly cmdline: ReadonlyArray<string>
  readonly topology: Topology
  /** Guest memory in MiB. */
  readonly memoryMb: number
  /** Physical range reserved with `memmap=`, for the telemetry ring. */
  readonly ring?: { readonly address: number; readonly size: number } | undefined
  /**
   * Physical range reserved with `memmap=` that holds `content` from the start: the part of a plan that machines with otherwise equal specs need not
   * share (docs/protocol.md, "Handover"). Only for a deterministic clock.
   */
  readonly handover?: { readonly address: number; readonly size: number; readonly content: Uint8Array } | undefined
  readonly clock: "auto" | "deterministic"
  /** Boot the bzImage so that the kernel randomises its address (KASLR). Default false. */
  readonly kaslr?: boolean | undefined
  /**
   * Size of an empty virtio disk in MiB; `/dev/vda` in guests with the driver (virtio_blk, and virtio_mmio on the native backend; distributions build
   * them as modules). The disk is discarded with the machine. Can't be combined with a deterministic clock, because disk I/O takes host time.
   */
  readonly scratchDiskMb?: number | undefined
  readonly performance?: PerformanceOptions | undefined
}

/**
 * Options that make a machine's timing more even, at the host's expense. A backend applies those it supports and logs a warning for the others. They
 * do not change what the guest does.
 *
 * @since 0.1.0
 * @category models
 */
export interface PerformanceOptions {
  /** Back guest memory with 2 MiB pages from the host's reserve, allocated at boot. If there are too few, regular pages are used. */
  readonly hugePages?: boolean | undefined
  /** Host NUMA node that the pages of each guest node must come from, by guest node; undefined or absent: any. */
  readonly hostNodes?: ReadonlyArray<number | undefined> | undefined
  /** Tell the guest that each vCPU has a host CPU of its own (KVM_HINTS_REALTIME). */
  readonly realtimeHint?: boolean | undefined
  /** Let HLT and PAUSE run without leaving the guest. The guest wakes up faster, but an idle vCPU occupies its host CPU. */
  readonly idleInGuest?: boolean | undefined
}

/**
 * Why a machine ended.
 *
 * @since 0.1.0
 * @category models
 */
export type VmExit =
  | { readonly _tag: "PowerOff" }
  | { readonly _tag: "Reset" }
  | { readonly _tag: "Panic"; readonly message: string }
  | { readonly _tag: "TripleFault"; readonly registers: string }
  | { readonly _tag: "Killed" }
  | { readonly _tag: "VcpuError"; readonly message: string }
  /** The host could not serve a device: its disk is full or failing, or nobody read the output in time. */
  | { readonly _tag: "DeviceError"; readonly message: string }
  /** No VM was involved: the agent on this host ended too early. */
  | { readonly _tag: "AgentEnded"; readonly message: string }

/**
 * Guest-physical memory as seen from the host. Accesses are bounds-checked: outside RAM they throw `RangeError`.
 *
 * @since 0.1.0
 * @category models
 */
export interface GuestMemory {
  /** Size of guest RAM in bytes. */
  readonly size: number
  readonly read: (address: number, length: number) => Uint8Array
  readonly write: (address: number, bytes: Uint8Array) => void
}

/**
 * A running machine. Closing the scope it was booted in kills it and frees its resources.
 *
 * @since 0.1.0
 * @category models
 */
export interface Vm {
  /** Lines of the kernel console (COM1), from the first; ends when the machine ends. */
  readonly console: Stream.Stream<string>
  /** Returns the last `n` console lines seen so far. */
  readonly consoleTail: (n: number) => ReadonlyArray<string>
  /** COM2 as a byte pipe. `incoming` ends when the machine ends. */
  readonly channel: {
    readonly incoming: Stream.Stream<Uint8Array, VmmError>
    readonly send: (bytes: Uint8Array) => Effect.Effect<void, VmmError>
  }
  readonly memory: GuestMemory
  readonly exit: Deferred.Deferred<VmExit>
  /** Version of the machine and its arguments without paths. Only for deterministic machines. */
  readonly machine?: { readonly version: string; readonly arguments: ReadonlyArray<string> } | undefined
  /** Which machine and clock produced the results. */
  readonly clock: ClockMode
  readonly backend: string
  /**
   * Exit counts by reason, if the backend counts them. A backend that is a process of its own adds `residentBytes` (host memory without the guest's)
   * and `peakResidentBytes` (the maximum of all samples: one per call, and one when the guest ends).
   */
  readonly stats: Effect.Effect<Readonly<Record<string, number>>>
  /** How long the host keeps the machine waiting; undefined where this has no meaning: in virtual time, and without a VM. */
  readonly hostDelay?: HostDelayMeter | undefined
  readonly pause: Effect.Effect<void, VmmError>
  readonly resume: Effect.Effect<void, VmmError>
}

/**
 * All reasons why a machine can't be booted or fails.
 *
 * @since 0.1.0
 * @category errors
 */
export type VmmErrorReason =
  | "BackendMissing" // qemu or the native addon is missing
  | "KvmUnusable"
  | "BadKernel" // not a kernel image, or truncated
  | "BadSpec"
  | "OutOfMemory"
  | "BootFailed" // the machine ended before the channel opened
  | "ChannelLost"
  | "Io"

/**
 * A machine can't be booted, or has failed.
 *
 * @since 0.1.0
 * @category errors
 */
export class VmmError extends Data.TaggedError("VmmError")<{
  readonly reason: VmmErrorReason
  /** One line: what was wrong, with which value, and how to fix it. */
  readonly message: string
  readonly cause?: unknown
}> {}

/**
 * Boots virtual machines.
 *
 * @since 0.1.0
 * @category services
 */
export class Vmm extends Context.Tag("@ktstr/core/Vmm")<
  Vmm,
  {
    /** Boots a guest. Closing the scope kills it and frees its memory, files and processes. */
    readonly boot: (spec: VmSpec) => Effect.Effect<Vm, VmmError, Scope.Scope>
  }
>() {}
