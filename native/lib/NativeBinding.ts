/**
 * The addon's own interface, typed. Nothing here is Effect; `NativeVmm` is what to use.
 *
 * @since 0.1.0
 */
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { oneLine } from "@ktstr/core/base"
import { VmmError } from "@ktstr/core/machine"
import { Effect } from "effect"

/**
 * A segment register, with the names of `struct kvm_segment`; what is absent is 0, `present` 1.
 *
 * @since 0.1.0
 * @category models
 */
export interface NativeSegment {
  readonly base: number
  readonly limit: number
  readonly selector: number
  readonly type: number
  readonly present?: number
  readonly dpl?: number
  readonly db?: number
  readonly s?: number
  readonly l?: number
  readonly g?: number
}

/**
 * What a vCPU begins with. General registers that are absent are 0, all others stay as after reset.
 *
 * @since 0.1.0
 * @category models
 */
export interface NativeRegisters {
  readonly rip: number
  readonly rsp?: number
  readonly rbp?: number
  readonly rax?: number
  readonly rbx?: number
  readonly rcx?: number
  readonly rdx?: number
  readonly rsi?: number
  readonly rdi?: number
  readonly rflags?: number
  readonly cr0?: number
  readonly cr3?: number
  readonly cr4?: number
  readonly efer?: number
  readonly cs?: NativeSegment
  /** DS, ES, FS, GS and SS. */
  readonly data?: NativeSegment
  readonly tr?: NativeSegment
  readonly gdt?: { readonly base: number; readonly limit: number }
  readonly idt?: { readonly base: number; readonly limit: number }
}

/**
 * @since 0.1.0
 * @category models
 */
export interface NativeMemoryOptions {
  /** Guest RAM by ascending address, whole pages; `hostNode`: the host NUMA node its pages must come from. */
  readonly segments: ReadonlyArray<{
    readonly address: number
    readonly size: number
    readonly hostNode?: number | undefined
  }>
  /** Parts of open files that are read into memory meanwhile; the descriptors need not be kept. */
  readonly files?:
    | ReadonlyArray<{
        readonly address: number
        readonly fd: number
        readonly offset: number
        readonly size: number
      }>
    | undefined
  /** 2 MiB pages from the host's reserve. */
  readonly hugePages?: boolean | undefined
}

/**
 * Guest RAM for one machine; its files are read into it from now on.
 *
 * @since 0.1.0
 * @category models
 */
export interface NativeGuestRam {
  /** Lets go of it: no machine can be made with it any more, one that was keeps it. */
  release(): void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface NativeMachineOptions {
  /** Default `/dev/kvm`. */
  readonly device?: string | undefined
  readonly memory: NativeGuestRam
  /** What is in memory besides the files, before the first instruction. */
  readonly contents?: ReadonlyArray<{ readonly address: number; readonly bytes: Uint8Array }> | undefined
  /** What CPUID answers on all vCPUs, in rows of seven words: function, index, flags, eax, ebx, ecx, edx. */
  readonly cpuid?: Uint32Array | undefined
  readonly vcpus: ReadonlyArray<{
    readonly apicId: number
    /** What it answers on this one besides, likewise. */
    readonly cpuid?: Uint32Array | undefined
    /** Without them it waits for INIT and SIPI, vCPU 0 begins at the reset vector. */
    readonly registers?: NativeRegisters | undefined
  }>
  /**
   * KVM's interrupt chips and timer, or an I/O APIC of our own, which reaches APIC ids above 254 and has no timer beside it. Default `kernel`.
   */
  readonly irqchip?: "kernel" | "split" | undefined
  /** The write that turns it off: `(written & mask) === value` at `port + control`. Default: S5 in a PM1a block at 0x600. */
  readonly power?:
    | {
        readonly port: number
        readonly size: number
        readonly control: number
        readonly mask: number
        readonly value: number
      }
    | undefined
  /** Bits KVM_X86_DISABLE_EXITS_*; those KVM lacks are left out. */
  readonly disableExits?: number | undefined
  /** A virtio-mmio console. */
  readonly console?: { readonly address: number; readonly gsi: number } | undefined
  /** A virtio-mmio disk on a file. */
  readonly disk?: { readonly address: number; readonly gsi: number; readonly path: string } | undefined
}

/**
 * Numbers of the byte streams.
 *
 * @since 0.1.0
 * @category constants
 */
export const nativePorts = { com1: 0, com2: 1, console: 2 } as const

/**
 * @since 0.1.0
 * @category models
 */
export type NativePort = (typeof nativePorts)[keyof typeof nativePorts]

/**
 * @since 0.1.0
 * @category models
 */
export interface NativeExit {
  readonly kind: "PowerOff" | "Reset" | "TripleFault" | "Killed" | "VcpuError" | "DeviceError"
  /** Of a vCPU or device error: one line. */
  readonly message: string
  readonly registers: string
}

/**
 * What happened since the last time.
 *
 * @since 0.1.0
 * @category models
 */
export interface NativeTaken {
  /** By port; empty where nothing came or it was not accepted. */
  readonly bytes: ReadonlyArray<Uint8Array | undefined>
  /** Bit n: the guest has read all that was sent on port n. */
  readonly sent: number
  /** All vCPUs wait, as asked. */
  readonly paused: boolean
  /** All vCPUs have stopped for good. Told once, and after all bytes. */
  readonly exit?: NativeExit
}

/**
 * A machine. All methods but `destroy` throw once it is destroyed. Errors have a `code`: Absent, Denied, OutOfMemory, Unsupported, Invalid or Io.
 *
 * @since 0.1.0
 * @category models
 */
export interface NativeMachine {
  /** All guest RAM, segment after segment; detached (length 0) by `destroy`. Made when it is first asked for. */
  readonly memory: ArrayBuffer
  /** Resolves when the files are in memory; `start` would wait for them. */
  loaded(): Promise<void>
  start(): void
  /** As fast as the vCPUs can; `take` tells the exit. */
  stop(): void
  /** `take` tells when all vCPUs wait. */
  pause(): void
  resume(): void
  /** Gives how many bytes the guest has not read yet. */
  send(port: NativePort, bytes: Uint8Array): number
  /** What happened, and the bytes of the ports whose bits are set. */
  take(accept: number): NativeTaken
  /** The window of the virtio console. */
  resize(columns: number, rows: number): void
  statistics(): Record<string, number>
  /** The kernel's numbers of the vCPUs' threads, 0 before `start`. */
  threadIds(): Array<number>
  destroy(): Promise<void>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface NativeBinding {
  /** Errors as of a machine. */
  readonly Memory: new (
    options: NativeMemoryOptions
  ) => NativeGuestRam
  /** `onDoorbell` is called when `take` has something new: once for any number of bytes. */
  readonly Machine: new (
    options: NativeMachineOptions,
    onDoorbell: () => void
  ) => NativeMachine
  /** KVM_GET_SUPPORTED_CPUID in rows of seven words. */
  readonly supportedCpuid: (device?: string) => Uint32Array
}

const load = (): NativeBinding => {
  const require = createRequire(import.meta.url)
  return require(join(dirname(require.resolve("@ktstr/native/package.json")), "src/build/Release/ktstr.node"))
}

/**
 * The addon. Fails with `BackendMissing` when it is not built or does not fit this runtime.
 *
 * @since 0.1.0
 * @category constructors
 */
export const loadNativeBinding: Effect.Effect<NativeBinding, VmmError> = Effect.try({
  try: load,
  catch: (cause) => {
    const why = oneLine(cause instanceof Error ? cause.message : String(cause))
    const missing = typeof cause === "object" && cause !== null && "code" in cause && cause.code === "MODULE_NOT_FOUND"
    return new VmmError({
      reason: "BackendMissing",
      message: `the native backend's addon ${missing ? "is not built" : `can't be loaded (${why})`}; run: npm run setup`,
      cause
    })
  }
})
