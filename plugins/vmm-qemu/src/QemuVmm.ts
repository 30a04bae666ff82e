/**
 * The Vmm service by `qemu-system-x86_64`.
 *
 * @since 0.1.0
 */
import { execFile } from "node:child_process"
import { open } from "node:fs/promises"
import { kernelHeaderSize, parseKernelImage } from "@ktstr/core/image"
import { type ClockMode, KvmProbe, openScratchDisk, type Vm, Vmm, VmmError, type VmSpec } from "@ktstr/core/machine"
import { nodeMemoryMb } from "@ktstr/core/topology"
import { Effect, Either, Layer, type Scope } from "effect"
import { type FilePorts, makeFilePorts } from "./FilePorts.ts"
import { makeGuestMemoryFile } from "./GuestMemoryFile.ts"
import { startMachine } from "./Machine.ts"
import { openInitramfs, openMemoryFiles } from "./MachineFiles.ts"
import { ramSegments } from "./PhysicalLayout.ts"
import { makePorts, type Ports } from "./Ports.ts"
import { isPvhKernel } from "./PvhNote.ts"
import { highestApicId, kernelCommandLine, type QemuAccel, qemuArguments } from "./QemuArguments.ts"
import { findQemu, inherited, inheritedPath } from "./QemuProcess.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface QemuOptions {
  /** `auto` (default): KVM when the pre-flight finds it usable, else emulation with one warning. */
  readonly accel?: "auto" | "kvm" | "tcg" | undefined
  /** Emulation with all vCPUs on one host thread (default: fair, and the only one that never crashed a guest) or one each. */
  readonly thread?: "single" | "multi" | undefined
  /** Name in PATH or path. Default `qemu-system-x86_64`. */
  readonly binary?: string | undefined
}

const chooseAccel = (
  options: QemuOptions,
  spec: VmSpec,
  warn: (message: string) => Effect.Effect<void>
): Effect.Effect<QemuAccel, VmmError, KvmProbe> =>
  Effect.gen(function* () {
    const asked = options.accel ?? "auto"
    // Counting instructions is a feature of emulation only.
    if (spec.clock === "deterministic" && asked === "kvm") return yield* noCounting
    if (spec.clock === "deterministic" || asked === "tcg") return "tcg"
    const verdict = yield* Effect.flatMap(KvmProbe, (probe) => probe.verdict)
    if (verdict.usable) return "kvm"
    if (asked === "kvm") return yield* new VmmError({ reason: "KvmUnusable", message: verdict.refusal })
    yield* warn(`${verdict.finding}; using qemu emulation, which is slower (ktstr doctor tells more)`)
    return "tcg"
  })

const badSpec = (message: string): VmmError => new VmmError({ reason: "BadSpec", message })

const noCounting = badSpec(
  "qemu under KVM has no deterministic clock, which counts emulated instructions; use --vmm qemu-tcg"
)

const badKernel = (message: string): VmmError => new VmmError({ reason: "BadKernel", message })

/** xAPIC ids are bytes and 255 is the broadcast; emulation has no x2APIC. */
const highestEmulatedApicId = 254

const checkSpec = (spec: VmSpec, accel: QemuAccel): Effect.Effect<ReadonlyArray<number>, VmmError> =>
  Effect.gen(function* () {
    const nodesMb = yield* Effect.mapError(nodeMemoryMb(spec.topology, spec.memoryMb), badSpec)
    const apicId = highestApicId(spec.topology)
    if (accel === "tcg" && apicId > highestEmulatedApicId) {
      return yield* badSpec(
        `topology ${spec.topology} needs APIC id ${apicId}; emulation has none above ${highestEmulatedApicId}: use KVM or fewer LLCs or cores`
      )
    }
    const { ring } = spec
    if (spec.scratchDiskMb !== undefined && spec.clock === "deterministic") {
      return yield* badSpec(
        "a scratch disk has the host's time, a deterministic clock has none of it: drop one of the two"
      )
    }
    if (ring !== undefined) {
      const inRam = ramSegments(nodesMb).some(
        (ram) => ring.address >= ram.address && ring.address + ring.size <= ram.address + ram.size
      )
      if (!inRam) {
        return yield* badSpec(
          `ring of ${ring.size} bytes at 0x${ring.address.toString(16)} is not within the RAM of a machine of ${spec.memoryMb} MiB: move it down or ask for more memory`
        )
      }
    }
    return nodesMb
  })

/** Performance options that this machine can't have. */
const unmet = ({ performance = {} }: VmSpec, accel: QemuAccel): ReadonlyArray<string> => [
  ...(performance.hugePages === true
    ? [
        "performance_mode: WARNING: qemu's guest memory is a file in /dev/shm and uses regular pages; --vmm native has 2MB hugepages"
      ]
    : []),
  ...(accel === "tcg" && (performance.realtimeHint === true || performance.idleInGuest === true)
    ? ["performance_mode: WARNING: emulated CPUs have no realtime hint and no idle states of their own"]
    : [])
]

const clockOf = (spec: VmSpec, accel: QemuAccel): ClockMode =>
  spec.clock === "deterministic" ? "deterministic" : accel === "kvm" ? "qemu-kvm" : "emulated"

/** qemu runs whatever file it gets as the boot sector of an ancient kernel, so it is looked at here. */
const checkKernel = (path: string): Effect.Effect<void, VmmError> =>
  Effect.gen(function* () {
    const [start, size] = yield* Effect.tryPromise({
      try: async () => {
        const file = await open(path, "r")
        try {
          const { size } = await file.stat()
          const start = new Uint8Array(Math.min(kernelHeaderSize, size))
          await file.read(start, 0, start.length, 0)
          return [start, size] as const
        } finally {
          await file.close()
        }
      },
      catch: (cause) => badKernel(`can't read kernel ${path}: ${cause instanceof Error ? cause.message : cause}`)
    })
    yield* Either.mapLeft(parseKernelImage(start, size), ({ message }) => badKernel(`${path} ${message}`))
  })

const chooseKernel = (spec: VmSpec): Effect.Effect<string, VmmError> =>
  Effect.gen(function* () {
    const { image, vmlinux } = spec.kernel
    if (vmlinux !== undefined && spec.kaslr !== true && (yield* Effect.promise(() => isPvhKernel(vmlinux)))) {
      return vmlinux
    }
    yield* checkKernel(image)
    return image
  })

/** A deterministic machine has files, which never make it wait for their reader; `inherited` says how many others there are. */
const makeMachinePorts = (
  spec: VmSpec,
  inheritedFiles: number
): Effect.Effect<Ports | FilePorts, VmmError, Scope.Scope> =>
  spec.clock === "deterministic"
    ? makeFilePorts([inheritedPath(inheritedFiles), inheritedPath(inheritedFiles + 1)])
    : makePorts

/**
 * The kernel is the only path among the arguments of a deterministic machine; its content is told elsewhere. The sandbox does not change the
 * machine.
 */
const describeMachine = (binary: string, args: ReadonlyArray<string>) =>
  Effect.map(
    Effect.promise(() => versionOf(binary)),
    (version) => ({
      version,
      arguments: args.filter(
        (word, index) => word !== "-sandbox" && !["-kernel", "-sandbox"].includes(args[index - 1] ?? "")
      )
    })
  )

/** The first line of `--version`; empty when it does not tell. */
const versionOf = (binary: string): Promise<string> =>
  new Promise((resolve) =>
    execFile(binary, ["--version"], (_, text) => resolve(String(text ?? "").split("\n", 1)[0] ?? ""))
  )

/** Of a qemu built without seccomp, or a kernel without it. */
const isSandboxRefusal = ({ message }: VmmError): boolean => /sandbox|seccomp/i.test(message)

const boot = (
  options: QemuOptions,
  warn: (message: string) => Effect.Effect<void>,
  unsandboxed: Set<string>,
  spec: VmSpec
): Effect.Effect<Vm, VmmError, Scope.Scope | KvmProbe> =>
  Effect.gen(function* () {
    const binary = yield* findQemu(options.binary ?? "qemu-system-x86_64")
    const accel = yield* chooseAccel(options, spec, warn)
    const nodesMb = yield* checkSpec(spec, accel)
    const tscKhz = accel === "tcg" ? (yield* Effect.flatMap(KvmProbe, (probe) => probe.verdict)).tscKhz : undefined
    const commandLine = yield* kernelCommandLine(spec, accel, tscKhz)
    const kernel = yield* chooseKernel(spec)
    const memoryFiles = yield* openMemoryFiles(nodesMb)
    const initramfs = yield* openInitramfs(spec.initramfs)
    const disk = yield* openScratchDisk(spec.scratchDiskMb)
    const files = [...memoryFiles, ...[initramfs, disk].filter((file) => file !== undefined)]
    for (const said of unmet(spec, accel)) yield* warn(said)
    const start = Effect.fnUntraced(function* (sandbox: boolean) {
      const ports = yield* makeMachinePorts(spec, files.length)
      const args = qemuArguments(spec, {
        accel,
        thread: options.thread ?? "single",
        commandLine,
        kernel,
        initrd: initramfs === undefined ? undefined : inheritedPath(memoryFiles.length),
        memory: nodesMb.map((mb, node) => ({
          mb,
          path: inheritedPath(node),
          hostNode: spec.performance?.hostNodes?.[node]
        })),
        disk: disk === undefined ? undefined : inheritedPath(files.length - 1),
        qmp: inherited.qmp,
        sandbox,
        ports: { kind: ports.kind, console: ports.consolePath, channel: ports.channelPath }
      })
      const opened = [...files, ...("files" in ports ? ports.files : [])]
      const hostTime = spec.clock !== "deterministic"
      return { args, machine: yield* startMachine({ ports, binary, kernel, files: opened, hostTime, args }) }
    })
    const { args, machine } = yield* unsandboxed.has(binary)
      ? start(false)
      : Effect.catchIf(start(true), isSandboxRefusal, (refusal) =>
          Effect.zipRight(
            Effect.suspend(() => {
              unsandboxed.add(binary)
              return warn(`${refusal.message.replace(/^qemu refused: /, "")}; qemu runs without its sandbox`)
            }),
            start(false)
          )
        )
    return {
      ...machine,
      machine: spec.clock === "deterministic" ? yield* describeMachine(binary, args) : undefined,
      memory: makeGuestMemoryFile(ramSegments(nodesMb), memoryFiles),
      clock: clockOf(spec, accel),
      backend: "qemu"
    }
  })

/**
 * The backend. The pre-flight chooses between KVM and emulation, whose guests it tells the rate of their clock.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: QemuOptions = {}): Effect.Effect<Vmm["Type"], never, KvmProbe> =>
  Effect.map(KvmProbe, (probe) => {
    const warned = new Set<string>()
    /** Programs that refused the sandbox once. */
    const unsandboxed = new Set<string>()
    const warn = (message: string): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (warned.has(message)) return Effect.void
        warned.add(message)
        return Effect.logWarning(message)
      })
    return {
      boot: Effect.fn("Vmm.boot")((spec: VmSpec) =>
        Effect.provideService(boot(options, warn, unsandboxed, spec), KvmProbe, probe)
      )
    }
  })

/**
 * Provides {@link Vmm} by qemu.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerQemu = (options: QemuOptions = {}): Layer.Layer<Vmm, never, KvmProbe> =>
  Layer.effect(Vmm, make(options))

/**
 * {@link layerQemu} with its defaults.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Vmm, never, KvmProbe> = layerQemu()
