/**
 * Implements the Vmm service with `qemu-system-x86_64`.
 *
 * @since 0.1.0
 */
import { execFile } from "node:child_process"
import { open } from "node:fs/promises"
import { promisify } from "node:util"
import { kernelHeaderSize, parseKernelImage } from "@ktstr/core/image"
import { type ClockMode, KvmProbe, openScratchDisk, type Vm, Vmm, VmmError, type VmSpec } from "@ktstr/core/machine"
import { nodeMemoryMb } from "@ktstr/core/topology"
import { Effect, Either, Layer, type Scope } from "effect"
import { fileIdentity, makeFileHash } from "./FileIdentity.ts"
import { type FilePorts, makeFilePorts } from "./FilePorts.ts"
import { type ForkPool, makeForkPool } from "./ForkPool.ts"
import { sharedRange, startForkServer } from "./ForkServer.ts"
import { type Guard, type Guards, influenced, makeGuards } from "./Guards.ts"
import { makeGuestMemoryFile } from "./GuestMemoryFile.ts"
import { startMachine } from "./Machine.ts"
import { openInitramfs, openMemoryFiles } from "./MachineFiles.ts"
import { ramSegments } from "./PhysicalLayout.ts"
import { makePorts, type Ports } from "./Ports.ts"
import { isPvhKernel } from "./PvhNote.ts"
import { highestApicId, kernelCommandLine, type QemuAccel, type QemuChoices, qemuArguments } from "./QemuArguments.ts"
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
  /**
   * Path of ktstr's plugin (native/plugin), which keeps the host's timing out of machines with a deterministic clock. Without it, or where this qemu
   * refuses it, a busy host can make such a run differ when it is repeated; there is one warning.
   */
  readonly plugin?: string | undefined
  /**
   * Whether machines with a deterministic clock that differ only in their plan are forked from one that has booted, if the plugin can do so. Their runs
   * are the same as if each had booted by itself. Default false.
   */
  readonly fork?: boolean | undefined
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
    if (spec.scratchDiskMb !== undefined && spec.clock === "deterministic") {
      return yield* badSpec(
        "a scratch disk has the host's time, a deterministic clock has none of it: drop one of the two"
      )
    }
    for (const [name, range] of [
      ["ring", spec.ring],
      ["plan", spec.handover]
    ] as const) {
      if (range === undefined) continue
      const inRam = ramSegments(nodesMb).some(
        (ram) => range.address >= ram.address && range.address + range.size <= ram.address + ram.size
      )
      if (!inRam) {
        return yield* badSpec(
          `${name} of ${range.size} bytes at 0x${range.address.toString(16)} is not within the RAM of a machine of ${spec.memoryMb} MiB: move it down or ask for more memory`
        )
      }
    }
    return nodesMb
  })

/** Returns the performance options that this machine does not support. */
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

/** qemu runs any file as the boot sector of an ancient kernel, so the file is checked here. */
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
 * The kernel and the plugin are the only paths among the arguments of a deterministic machine; the kernel's hash is reported elsewhere. Neither the sandbox
 * nor the plugin nor a late start changes the machine.
 */
const describeMachine = (binary: string, args: ReadonlyArray<string>) =>
  Effect.map(
    Effect.promise(() => versionOf(binary)),
    (version) => ({
      version,
      arguments: args.filter(
        (word, index) =>
          !["-sandbox", "-plugin", "-S"].includes(word) &&
          !["-kernel", "-sandbox", "-plugin"].includes(args[index - 1] ?? "")
      )
    })
  )

const versions = new Map<string, Promise<string>>()

/** Returns the first line of `--version`, empty if there is none. Starts qemu only once, because starting a process blocks the event loop for milliseconds. */
const versionOf = (binary: string): Promise<string> => {
  const known = versions.get(binary)
  if (known !== undefined) return known
  const version = promisify(execFile)(binary, ["--version"]).then(
    ({ stdout }) => stdout.split("\n", 1)[0] ?? "",
    () => ""
  )
  versions.set(binary, version)
  return version
}

/** State shared by all boots of the service. */
interface QemuState {
  readonly options: QemuOptions
  readonly warn: (message: string) => Effect.Effect<void>
  readonly guards: Guards
  readonly forks: ForkPool
  /** Returns the hash of a file's content. */
  readonly hashOf: (path: string) => Effect.Effect<string, VmmError>
}

/** A machine without its ports and monitor. */
interface MachineParts {
  readonly spec: VmSpec
  readonly binary: string
  readonly kernel: string
  readonly nodesMb: ReadonlyArray<number>
  readonly accel: QemuAccel
  readonly commandLine: string
}

const memoryOf = ({ nodesMb, spec }: MachineParts, shared: boolean): QemuChoices["memory"] =>
  nodesMb.map((mb, node) => ({
    mb,
    path: shared ? inheritedPath(node) : undefined,
    hostNode: spec.performance?.hostNodes?.[node]
  }))

/** The arguments of a machine that boots by itself; in a deterministic one they do not depend on anything but its ingredients. */
const ownArguments = (
  { state, made }: { readonly state: QemuState; readonly made: MachineParts },
  own: {
    readonly files: number
    readonly initrd: boolean
    readonly disk: boolean
    readonly guards: ReadonlySet<Guard>
    readonly ports: Ports | FilePorts
  }
): ReadonlyArray<string> =>
  qemuArguments(made.spec, {
    accel: made.accel,
    thread: state.options.thread ?? "single",
    commandLine: made.commandLine,
    kernel: made.kernel,
    initrd: own.initrd ? inheritedPath(made.nodesMb.length) : undefined,
    memory: memoryOf(made, true),
    disk: own.disk ? inheritedPath(own.files - 1) : undefined,
    qmp: inherited.qmp,
    sandbox: own.guards.has("sandbox"),
    plugin: own.guards.has("plugin") ? `file=${state.options.plugin}` : undefined,
    ports: { kind: own.ports.kind, console: own.ports.consolePath, channel: own.ports.channelPath }
  })

/** The guards of a machine that boots by itself. */
const ownGuards = ({ options }: QemuState, { spec }: MachineParts): ReadonlyArray<Guard> =>
  spec.clock === "deterministic" && options.plugin !== undefined ? ["sandbox", "plugin"] : ["sandbox"]

const bootOwn = (state: QemuState, made: MachineParts): Effect.Effect<Vm, VmmError, Scope.Scope> =>
  Effect.gen(function* () {
    const { options, warn } = state
    const { accel, binary, kernel, nodesMb, spec } = made
    const hostTime = spec.clock !== "deterministic"
    const memoryFiles = yield* openMemoryFiles(nodesMb)
    const memory = makeGuestMemoryFile(ramSegments(nodesMb), memoryFiles)
    if (spec.handover !== undefined) memory.write(spec.handover.address, spec.handover.content)
    const initramfs = yield* openInitramfs(spec.initramfs)
    const disk = yield* openScratchDisk(spec.scratchDiskMb)
    const files = [...memoryFiles, ...[initramfs, disk].filter((file) => file !== undefined)]
    for (const warning of unmet(spec, accel)) yield* warn(warning)
    if (!hostTime && options.plugin === undefined) yield* warn(`ktstr's plugin for qemu is not built, so ${influenced}`)
    const { args, machine } = yield* state.guards.start(
      binary,
      ownGuards(state, made),
      Effect.fnUntraced(function* (guards: ReadonlySet<Guard>) {
        const ports = yield* makeMachinePorts(spec, files.length)
        const args = ownArguments(
          { state, made },
          { files: files.length, initrd: initramfs !== undefined, disk: disk !== undefined, guards, ports }
        )
        const opened = [...files, ...("files" in ports ? ports.files : [])]
        const plugin = guards.has("plugin") ? options.plugin : undefined
        return { args, machine: yield* startMachine({ ports, binary, kernel, files: opened, hostTime, plugin, args }) }
      })
    )
    return {
      ...machine,
      machine: hostTime ? undefined : yield* describeMachine(binary, args),
      memory,
      clock: clockOf(spec, accel),
      backend: "qemu"
    }
  })

/** Forks the machine from one that has booted; undefined if it has to boot by itself. */
const bootForked = (state: QemuState, made: MachineParts): Effect.Effect<Vm | undefined, VmmError, Scope.Scope> =>
  Effect.gen(function* () {
    const { fork, plugin: file } = state.options
    const { accel, binary, kernel, nodesMb, spec } = made
    const range = sharedRange(spec)
    if (fork !== true || file === undefined || range === undefined || spec.handover === undefined) return undefined
    const initramfs = spec.initramfs.length === 0 ? 0 : 1
    const own = { accel, thread: "single" as const, commandLine: made.commandLine, kernel }
    const ports = (first: number) => ({
      kind: "file" as const,
      console: inheritedPath(first),
      channel: inheritedPath(first + 1)
    })
    // As it would be by itself: a replay compares these.
    const machine = yield* describeMachine(
      binary,
      qemuArguments(spec, {
        ...own,
        initrd: initramfs === 0 ? undefined : inheritedPath(nodesMb.length),
        memory: memoryOf(made, true),
        qmp: inherited.qmp,
        ports: ports(nodesMb.length + initramfs)
      })
    )
    const start = Effect.gen(function* () {
      const archive = yield* openInitramfs(spec.initramfs)
      return yield* startForkServer({
        binary,
        kernel,
        plugin: file,
        range,
        memoryBytes: nodesMb.reduce((sum, mb) => sum + mb, 0) * 1024 * 1024,
        files: archive === undefined ? [] : [archive],
        args: (plugin) =>
          qemuArguments(spec, {
            ...own,
            initrd: archive === undefined ? undefined : inheritedPath(0),
            memory: memoryOf(made, false),
            qmp: undefined,
            plugin,
            forks: true,
            sandbox: !state.guards.refused(binary, "sandbox"),
            ports: ports(initramfs)
          })
      })
    })
    const ingredients = [
      ...machine.arguments,
      machine.version,
      ...(yield* Effect.forEach([binary, kernel, file], fileIdentity)),
      ...(yield* Effect.forEach(spec.initramfs, state.hashOf))
    ]
    const forked = yield* state.forks.fork(ingredients, spec.handover.content, start)
    return forked === undefined ? undefined : { ...forked, machine, clock: clockOf(spec, accel), backend: "qemu" }
  })

const boot = (state: QemuState, spec: VmSpec): Effect.Effect<Vm, VmmError, Scope.Scope | KvmProbe> =>
  Effect.gen(function* () {
    const { options, warn } = state
    const binary = yield* findQemu(options.binary ?? "qemu-system-x86_64")
    const accel = yield* chooseAccel(options, spec, warn)
    const nodesMb = yield* checkSpec(spec, accel)
    const tscKhz = accel === "tcg" ? (yield* Effect.flatMap(KvmProbe, (probe) => probe.verdict)).tscKhz : undefined
    const commandLine = yield* kernelCommandLine(spec, accel, tscKhz)
    const made: MachineParts = { spec, binary, kernel: yield* chooseKernel(spec), nodesMb, accel, commandLine }
    const forked = spec.clock === "deterministic" ? yield* bootForked(state, made) : undefined
    return forked ?? (yield* bootOwn(state, made))
  })

/**
 * Makes the backend. The pre-flight chooses between KVM and emulation, and provides the clock rate of emulated guests.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: QemuOptions = {}): Effect.Effect<Vmm["Type"], never, KvmProbe | Scope.Scope> =>
  Effect.gen(function* () {
    const probe = yield* KvmProbe
    const warned = new Set<string>()
    const warn = (message: string): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (warned.has(message)) return Effect.void
        warned.add(message)
        return Effect.logWarning(message)
      })
    const state: QemuState = {
      options,
      warn,
      guards: makeGuards(warn),
      hashOf: makeFileHash(),
      forks: yield* makeForkPool(warn)
    }
    return {
      boot: Effect.fn("Vmm.boot")((spec: VmSpec) => Effect.provideService(boot(state, spec), KvmProbe, probe))
    }
  })

/**
 * Provides {@link Vmm} with qemu.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerQemu = (options: QemuOptions = {}): Layer.Layer<Vmm, never, KvmProbe> =>
  Layer.scoped(Vmm, make(options))

/**
 * {@link layerQemu} with its defaults.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Vmm, never, KvmProbe> = layerQemu()
