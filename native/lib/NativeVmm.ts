/**
 * The Vmm service implemented by the native machine on KVM.
 *
 * @since 0.1.0
 */

import { machineCommandLine } from "@ktstr/core/kernel"
import { meterHostDelay, openScratchDisk, type Vm, Vmm, VmmError, type VmSpec } from "@ktstr/core/machine"
import { Effect, Either, Layer, Scope } from "effect"
import {
  type BootRegisters,
  type CpuidEntry,
  describeMachine,
  type MachineDescription,
  type MachineError,
  type MachineOptions,
  type MachinePlaces,
  placeMachine,
  sleepPorts,
  virtioMmio
} from "../machine/index.ts"
import { type BootFile, openBootFile, readBootHead } from "./BootFile.ts"
import { hugePageShortage } from "./HugePages.ts"
import {
  loadNativeBinding,
  type NativeBinding,
  type NativeGuestRam,
  type NativeMachine,
  type NativeMachineOptions,
  type NativeMemoryOptions,
  type NativeRegisters
} from "./NativeBinding.ts"
import { nativeError } from "./NativeError.ts"
import { makeNativeMemory, type NativeMemory } from "./NativeMemory.ts"
import { NativeRun } from "./NativeRun.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface NativeOptions {
  /** Default `/dev/kvm`. */
  readonly device?: string | undefined
  /**
   * Give machines a virtio console, `/dev/hvc0` in guests with the drivers (virtio_console, virtio_mmio). Default
   * false.
   */
  readonly terminal?: boolean | undefined
}

/**
 * What this backend offers beyond {@link Vm}.
 *
 * @since 0.1.0
 * @category models
 */
export interface NativeVm extends Vm {
  readonly memory: NativeMemory
  /** The host kernel's ids of the vCPU threads, by vCPU. */
  readonly threadIds: ReadonlyArray<number>
  /** The virtio console, if {@link NativeOptions} requested one; `resize` tells the guest the size of its window. */
  readonly terminal:
    | (Vm["channel"] & { readonly resize: (columns: number, rows: number) => Effect.Effect<void> })
    | undefined
}

const cpuidWords = 7

const cpuidEntries = (words: Uint32Array): ReadonlyArray<CpuidEntry> =>
  Array.from({ length: words.length / cpuidWords }, (_, row) => {
    const at = (column: number): number => words[row * cpuidWords + column] ?? 0
    return { function: at(0), index: at(1), flags: at(2), eax: at(3), ebx: at(4), ecx: at(5), edx: at(6) }
  })

const cpuidRows = (entries: ReadonlyArray<CpuidEntry>): Uint32Array => {
  const words = new Uint32Array(entries.length * cpuidWords)
  let at = 0
  for (const entry of entries) {
    words[at++] = entry.function
    words[at++] = entry.index
    words[at++] = entry.flags
    words[at++] = entry.eax
    words[at++] = entry.ebx
    words[at++] = entry.ecx
    words[at++] = entry.edx
  }
  return words
}

const registersOf = ({ code, task, ...same }: BootRegisters): NativeRegisters => ({ ...same, cs: code, tr: task })

const supportedCpuid = (
  binding: NativeBinding,
  options: NativeOptions
): Effect.Effect<ReadonlyArray<CpuidEntry>, VmmError> =>
  Effect.try({ try: () => cpuidEntries(binding.supportedCpuid(options.device)), catch: nativeError })

const checkSpec = (spec: VmSpec): Effect.Effect<void, VmmError> =>
  spec.clock === "deterministic"
    ? Effect.fail(
        new VmmError({
          reason: "BadSpec",
          message: "the native backend has no deterministic clock, which counts emulated instructions; use --vmm qemu"
        })
      )
    : Effect.void

const ioError = (what: string) => (cause: unknown) =>
  new VmmError({ reason: "Io", message: `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, cause })

const openFiles = (
  what: string,
  paths: ReadonlyArray<string>,
  alignment: number
): Effect.Effect<BootFile, VmmError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({ try: () => openBootFile(paths, alignment), catch: ioError(`can't read the ${what}`) }),
    (file) => Effect.sync(file.close)
  )

/** newc archives begin at multiples of 4 (Documentation/driver-api/early-userspace/buffer-format.rst). */
const initramfsAlignment = 4

/** KVM_X86_DISABLE_EXITS_HLT and _PAUSE (Documentation/virt/kvm/api.rst, KVM_CAP_X86_DISABLE_EXITS). */
const idleExits = 2 | 4

/** Returns the address and interrupt of the n-th virtio device; the DSDT lists the devices that exist. */
const virtioSlot = (n: number) => ({ address: virtioMmio.base + n * virtioMmio.size, gsi: virtioMmio.firstGsi + n })

const memoryOptions = (
  { performance = {} }: VmSpec,
  { kernel, initrd, segments }: MachinePlaces,
  files: { readonly kernel: BootFile; readonly initramfs: BootFile }
): NativeMemoryOptions => ({
  hugePages: performance.hugePages,
  segments: segments.map(({ address, size, node }) => ({ address, size, hostNode: performance.hostNodes?.[node] })),
  files: [
    ...files.kernel.parts.flatMap(({ fd }) => kernel.parts.map((part) => ({ ...part, fd }))),
    ...files.initramfs.parts.map(({ at, size, fd }) => ({ address: (initrd?.address ?? 0) + at, offset: 0, size, fd }))
  ]
})

const machineOptions = (
  options: NativeOptions,
  { performance = {} }: VmSpec,
  description: MachineDescription,
  { memory, disk }: { readonly memory: NativeGuestRam; readonly disk: number | undefined }
): NativeMachineOptions => ({
  device: options.device,
  memory,
  disableExits: performance.idleInGuest === true ? idleExits : 0,
  irqchip: description.irqchip,
  contents: description.writes,
  // The addon opens the file again; an unlinked file is named by its descriptor.
  disk: disk === undefined ? undefined : { ...virtioSlot(0), path: `/proc/self/fd/${disk}` },
  console: options.terminal === true ? virtioSlot(disk === undefined ? 0 : 1) : undefined,
  cpuid: cpuidRows(description.cpuid.common),
  vcpus: description.apicIds.map((apicId, vcpu) => ({
    apicId,
    cpuid: cpuidRows(description.cpuid.own(vcpu)),
    registers: vcpu === 0 ? registersOf(description.entry) : undefined
  })),
  power: { port: sleepPorts.control, size: 2, control: 0, mask: 0xff, value: sleepPorts.off }
})

const ramOf = (
  binding: NativeBinding,
  options: NativeMemoryOptions
): Effect.Effect<NativeGuestRam, VmmError, Scope.Scope> =>
  Effect.acquireRelease(Effect.try({ try: () => new binding.Memory(options), catch: nativeError }), (ram) =>
    Effect.sync(() => ram.release())
  )

/** Creates guest memory, in regular pages if there are too few huge pages. */
const makeRam = (
  binding: NativeBinding,
  options: NativeMemoryOptions
): Effect.Effect<NativeGuestRam, VmmError, Scope.Scope> => {
  if (options.hugePages !== true) return ramOf(binding, options)
  const regular = (warning: string) =>
    Effect.zipRight(Effect.logWarning(warning), ramOf(binding, { ...options, hugePages: false }))
  const shortage = hugePageShortage(options.segments)
  if (shortage !== undefined) return regular(shortage)
  return Effect.catchIf(
    ramOf(binding, options),
    ({ reason }) => reason === "OutOfMemory",
    // Another process took the pages meanwhile, or a cgroup has a limit.
    ({ message }) => regular(`performance_mode: WARNING: ${message.split(";")[0]} — falling back to regular pages`)
  )
}

const makeMachine = (
  binding: NativeBinding,
  options: NativeMachineOptions
): Effect.Effect<{ readonly machine: NativeMachine; readonly run: NativeRun }, VmmError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const run = new NativeRun()
        const machine = new binding.Machine(options, run.ring)
        run.attach(machine)
        return { machine, run }
      },
      catch: nativeError
    }),
    ({ run }) =>
      Effect.zipRight(
        Effect.promise(async () => run.detach()?.destroy()),
        Effect.sync(() => run.end())
      )
  )

const boot = (
  binding: NativeBinding,
  options: NativeOptions,
  spec: VmSpec
): Effect.Effect<NativeVm, VmmError, Scope.Scope> =>
  Effect.gen(function* () {
    yield* checkSpec(spec)
    const cmdline = yield* machineCommandLine(spec, [])
    const cpuid = yield* supportedCpuid(binding, options)
    const { image, vmlinux } = spec.kernel
    const path = vmlinux !== undefined && spec.kaslr !== true ? vmlinux : image
    const { machine, run, memory } = yield* Effect.scopeWith((scope) =>
      Effect.scoped(
        Effect.gen(function* () {
          const kernel = yield* openFiles("kernel", [path], 1)
          const head = yield* Effect.try({ try: () => readBootHead(kernel), catch: ioError("can't read the kernel") })
          const initramfs = yield* openFiles("initramfs", spec.initramfs, initramfsAlignment)
          const disk = yield* openScratchDisk(spec.scratchDiskMb)
          const wanted: MachineOptions = {
            topology: spec.topology,
            memoryMb: spec.memoryMb,
            kernel: { head, size: kernel.size },
            initrdSize: initramfs.size,
            cmdline,
            reserved: spec.ring,
            supportedCpuid: cpuid,
            realtimeHint: spec.performance?.realtimeHint,
            virtioDevices: (disk === undefined ? 0 : 1) + (options.terminal === true ? 1 : 0)
          }
          const bad = ({ reason, message }: MachineError): VmmError =>
            new VmmError({ reason, message: reason === "BadKernel" ? `${path}: ${message}` : message })
          const places = yield* Either.mapLeft(placeMachine(wanted), bad)
          // The addon's own threads load the files while the rest is created here.
          const memory = yield* makeRam(binding, memoryOptions(spec, places, { kernel, initramfs }))
          const description = yield* Either.mapLeft(describeMachine(wanted, places), bad)
          const made = yield* makeMachine(binding, machineOptions(options, spec, description, { memory, disk })).pipe(
            Scope.extend(scope)
          )
          yield* Effect.tryPromise({
            try: () => made.machine.loaded(),
            catch: ioError("can't load kernel and initramfs")
          })
          return { ...made, memory: makeNativeMemory(() => made.run.memory, description.segments) }
        })
      )
    )
    yield* Effect.try({ try: () => machine.start(), catch: nativeError })
    return {
      console: run.log.stream,
      consoleTail: (n) => run.log.tail(n),
      channel: { incoming: run.channel.incoming, send: run.channel.send },
      terminal:
        options.terminal === true
          ? {
              incoming: run.terminal.incoming,
              send: run.terminal.send,
              resize: (columns, rows) => Effect.sync(() => run.resize(columns, rows))
            }
          : undefined,
      memory,
      exit: run.exit,
      clock: "kvm",
      backend: "native",
      stats: run.stats,
      hostDelay: yield* meterHostDelay({ pid: process.pid, threads: run.threadIds }),
      pause: run.pause,
      resume: run.resume,
      get threadIds() {
        return run.threadIds
      }
    }
  })

/**
 * Creates the backend. Fails with `BackendMissing` if the addon is not built. It does not run the pre-flight check:
 * with a KVM that exists but is unusable, no machine boots in useful time.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeNativeVmm = (
  options: NativeOptions = {}
): Effect.Effect<{ readonly boot: (spec: VmSpec) => Effect.Effect<NativeVm, VmmError, Scope.Scope> }, VmmError> =>
  Effect.map(loadNativeBinding, (binding) => ({
    boot: Effect.fn("Vmm.boot")((spec: VmSpec) => boot(binding, options, spec))
  }))

/**
 * Provides {@link Vmm} with the native machine. The addon is loaded when the first machine boots, so that a missing
 * addon is an error of that boot.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNativeVmm = (options: NativeOptions = {}): Layer.Layer<Vmm> =>
  Layer.effect(
    Vmm,
    Effect.map(Effect.cached(makeNativeVmm(options)), (vmm) => ({
      boot: (spec: VmSpec) => Effect.flatMap(vmm, (native) => native.boot(spec))
    }))
  )
