/**
 * The one service through which the host reaches a virtual machine.
 *
 * @since 0.1.0
 */
import { Context, Data, type Deferred, type Effect, type Scope, type Stream } from "effect"
import type { Topology } from "../topology/index.ts"
import type { ClockMode } from "./ClockMode.ts"
import type { HostDelayMeter } from "./HostDelay.ts"

/**
 * What to boot. Built by `core` from a scenario and a kernel; a backend adds only what its machine needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface VmSpec {
  readonly kernel: {
    /** Path of a bzImage. */
    readonly image: string
    /** Path of the uncompressed ELF, when the cache has it: backends that can boot it skip the guest's own unpacking. */
    readonly vmlinux?: string | undefined
  }
  /** newc archives in the order in which the kernel unpacks them; each a path of a file. */
  readonly initramfs: ReadonlyArray<string>
  /** The command line without what the backend itself needs (console, devices). */
  readonly cmdline: ReadonlyArray<string>
  readonly topology: Topology
  /** Guest memory in MiB. */
  readonly memoryMb: number
  /** Physical range kept from the kernel with `memmap=`, for the telemetry ring. */
  readonly ring?: { readonly address: number; readonly size: number } | undefined
  readonly clock: "auto" | "deterministic"
  /** Boot the bzImage so that the kernel places itself at random. Default false. */
  readonly kaslr?: boolean | undefined
  /**
   * MiB of an empty virtio disk, `/dev/vda` for a guest that has the driver (virtio_blk, with virtio_mmio on the native backend; distributions
   * build them as modules). Its content ends with the machine. Not with a deterministic clock: the host's disk has a time of its own.
   */
  readonly scratchDiskMb?: number | undefined
  readonly performance?: PerformanceOptions | undefined
}

/**
 * What makes a machine's timing more even, at the host's cost. A backend does what it can and logs a warning for the rest; the guest is the
 * same with and without.
 *
 * @since 0.1.0
 * @category models
 */
export interface PerformanceOptions {
  /** Guest memory in 2 MiB pages of the host's reserve, taken at once; where too few are free, regular pages. */
  readonly hugePages?: boolean | undefined
  /** Host NUMA node each guest node's pages must come from, by guest node; undefined or absent: any. */
  readonly hostNodes?: ReadonlyArray<number | undefined> | undefined
  /** Tell the guest that its vCPUs have CPUs of their own (KVM_HINTS_REALTIME). */
  readonly realtimeHint?: boolean | undefined
  /** HLT and PAUSE do not leave the guest: it wakes faster, and a vCPU that idles holds its host CPU. */
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
  /** The host could not do what a device of the machine is for: a full or failing disk, or output that nobody took in time. */
  | { readonly _tag: "DeviceError"; readonly message: string }
  /** There is no machine: the agent on this host ended before its time. */
  | { readonly _tag: "AgentEnded"; readonly message: string }

/**
 * Guest-physical memory seen from the host. Accesses are bounds-checked: outside RAM they throw `RangeError`.
 *
 * @since 0.1.0
 * @category models
 */
export interface GuestMemory {
  /** Bytes of guest RAM. */
  readonly size: number
  readonly read: (address: number, length: number) => Uint8Array
  readonly write: (address: number, bytes: Uint8Array) => void
}

/**
 * A running machine. Closing the scope it was booted in kills it and frees what it holds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Vm {
  /** Lines of the kernel console (COM1), from the first; ends when the machine ends. */
  readonly console: Stream.Stream<string>
  /** The last `n` console lines seen so far. */
  readonly consoleTail: (n: number) => ReadonlyArray<string>
  /** COM2 as a byte pipe. `incoming` ends when the machine ends. */
  readonly channel: {
    readonly incoming: Stream.Stream<Uint8Array, VmmError>
    readonly send: (bytes: Uint8Array) => Effect.Effect<void, VmmError>
  }
  readonly memory: GuestMemory
  readonly exit: Deferred.Deferred<VmExit>
  /** What machine it is: version, and arguments without paths. Only of a deterministic one. */
  readonly machine?: { readonly version: string; readonly arguments: ReadonlyArray<string> } | undefined
  /** Which machine and clock produced the results. */
  readonly clock: ClockMode
  readonly backend: string
  /**
   * Exit counts by reason where the backend has them; where it is a process of its own, `residentBytes` (host memory without the
   * guest's) and `peakResidentBytes` (of all samples: one a call, one at the guest's end).
   */
  readonly stats: Effect.Effect<Readonly<Record<string, number>>>
  /** How long the host keeps it waiting; undefined where that has no meaning: in virtual time, and where there is no machine. */
  readonly hostDelay?: HostDelayMeter | undefined
  readonly pause: Effect.Effect<void, VmmError>
  readonly resume: Effect.Effect<void, VmmError>
}

/**
 * The closed set of reasons for which a machine can't be had or goes wrong.
 *
 * @since 0.1.0
 * @category errors
 */
export type VmmErrorReason =
  | "BackendMissing" // qemu or the addon is not there
  | "KvmUnusable"
  | "BadKernel" // not a kernel image, truncated
  | "BadSpec"
  | "OutOfMemory"
  | "BootFailed" // ended before the channel opened
  | "ChannelLost"
  | "Io"

/**
 * @since 0.1.0
 * @category errors
 */
export class VmmError extends Data.TaggedError("VmmError")<{
  readonly reason: VmmErrorReason
  /** One line: what was wrong, with which value, and how to mend it. */
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
    /** Boots a guest; closing the scope kills it and frees its memory, files and processes. */
    readonly boot: (spec: VmSpec) => Effect.Effect<Vm, VmmError, Scope.Scope>
  }
>() {}
