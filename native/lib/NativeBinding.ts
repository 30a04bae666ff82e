/**
 * The typed interface of the addon, without Effect. Use `NativeVmm` instead.
 *
 * @since 0.1.0
 */
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { oneLine } from "@ktstr/core/base"
import { VmmError } from "@ktstr/core/machine"
import { Effect } from "effect"

/**
 * A segment register, with the names of `struct kvm_segment`. Absent fields are 0, except `present`, which is 1.
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
 * The registers with which a vCPU begins. Absent general registers are 0; all others keep their value after reset.
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
  /** Guest RAM by ascending address, in whole pages; `hostNode`: the host NUMA node that must provide its pages. */
  readonly segments: ReadonlyArray<{
    readonly address: number
    readonly size: number
    readonly hostNode?: number | undefined
  }>
  /** Parts of open files to read into memory in the background; the caller may close the descriptors. */
  readonly files?:
    | ReadonlyArray<{
        readonly address: number
        readonly fd: number
        readonly offset: number
        readonly size: number
      }>
    | undefined
  /** Use 2 MiB pages from the host's reserve. */
  readonly hugePages?: boolean | undefined
}

/**
 * Guest RAM for one machine; its files are read into it from its creation on.
 *
 * @since 0.1.0
 * @category models
 */
export interface NativeGuestRam {
  /** Releases the RAM: no further machine can be created with it; a machine that uses it keeps it. */
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
  /** Contents of memory besides the files, before the first instruction. */
  readonly contents?: ReadonlyArray<{ readonly address: number; readonly bytes: Uint8Array }> | undefined
  /** The CPUID of all vCPUs, in rows of seven words: function, index, flags, eax, ebx, ecx, edx. */
  readonly cpuid?: Uint32Array | undefined
  readonly vcpus: ReadonlyArray<{
    readonly apicId: number
    /** Additional CPUID entries of this vCPU, in the same form. */
    readonly cpuid?: Uint32Array | undefined
    /** Without registers the vCPU waits for INIT and SIPI; vCPU 0 begins at the reset vector. */
    readonly registers?: NativeRegisters | undefined
  }>
  /**
   * `kernel`: KVM's interrupt chips and timer. `split`: the addon's I/O APIC, which reaches APIC ids above 254, without
   * a timer. Default `kernel`.
   */
  readonly irqchip?: "kernel" | "split" | undefined
  /**
   * The write that turns the machine off: `(written & mask) === value` at `port + control`. Default: S5 in a PM1a block
   * at 0x600.
   */
  readonly power?:
    | {
        readonly port: number
        readonly size: number
        readonly control: number
        readonly mask: number
        readonly value: number
      }
    | undefined
  /** Bits KVM_X86_DISABLE_EXITS_*; bits that KVM lacks are ignored. */
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
 * What happened since the last call of `take`.
 *
 * @since 0.1.0
 * @category models
 */
export interface NativeTaken {
  /** By port; undefined if nothing arrived or the port was not accepted. */
  readonly bytes: ReadonlyArray<Uint8Array | undefined>
  /** Bit n: the guest has read everything that was sent on port n. */
  readonly sent: number
  /** All vCPUs wait, as requested. */
  readonly paused: boolean
  /** All vCPUs have stopped for good. Reported once, after all bytes. */
  readonly exit?: NativeExit
}

/**
 * A machine. All methods except `destroy` throw once it is destroyed. Errors have a `code`: Absent, Denied,
 * OutOfMemory, Unsupported, Invalid or Io.
 *
 * @since 0.1.0
 * @category models
 */
export interface NativeMachine {
  /** All guest RAM, segment after segment; detached (length 0) by `destroy`. Created on first use. */
  readonly memory: ArrayBuffer
  /** Resolves when the files are in memory; `start` would wait for them. */
  loaded(): Promise<void>
  start(): void
  /** Stops the vCPUs as soon as possible; `take` reports the exit. */
  stop(): void
  /** Pauses the vCPUs; `take` reports when all of them wait. */
  pause(): void
  resume(): void
  /** Sends bytes. Returns how many bytes the guest has not read yet. */
  send(port: NativePort, bytes: Uint8Array): number
  /** Returns what happened, and the bytes of the ports whose bits are set. */
  take(accept: number): NativeTaken
  /** Sets the window size of the virtio console. */
  resize(columns: number, rows: number): void
  statistics(): Record<string, number>
  /** Returns the kernel's ids of the vCPU threads; 0 before `start`. */
  threadIds(): Array<number>
  destroy(): Promise<void>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface NativeBinding {
  /** Throws the same errors as a machine. */
  readonly Memory: new (
    options: NativeMemoryOptions
  ) => NativeGuestRam
  /** `onDoorbell` is called when `take` has something new, once for any number of bytes. */
  readonly Machine: new (
    options: NativeMachineOptions,
    onDoorbell: () => void
  ) => NativeMachine
  /** Returns the result of KVM_GET_SUPPORTED_CPUID in rows of seven words. */
  readonly supportedCpuid: (device?: string) => Uint32Array
}

const load = (): NativeBinding => {
  const require = createRequire(import.meta.url)
  return require(join(dirname(require.resolve("@ktstr/native/package.json")), "src/build/Release/ktstr.node"))
}

/**
 * Loads the addon. Fails with `BackendMissing` if it is not built or does not fit this runtime.
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
