/**
 * Builds the command lines of qemu and the kernel for a machine. Pure.
 *
 * @since 0.1.0
 */

import type { Topology } from "@ktstr/core"
import { machineCommandLine } from "@ktstr/core/kernel"
import type { VmmError, VmSpec } from "@ktstr/core/machine"
import type { NumaNode } from "@ktstr/core/topology"
import type { Either } from "effect"

/**
 * How qemu runs guest instructions.
 *
 * @since 0.1.0
 * @category models
 */
export type QemuAccel = "kvm" | "tcg"

/**
 * The backend's choices for one machine; paths and descriptors are qemu's.
 *
 * @since 0.1.0
 * @category models
 */
export interface QemuChoices {
  readonly accel: QemuAccel
  /** Emulation with all vCPUs on one host thread or with one each. */
  readonly thread: "single" | "multi"
  /** {@link kernelCommandLine} */
  readonly commandLine: string
  /** The file to boot: an ELF with a PVH entry or a bzImage. */
  readonly kernel: string
  readonly initrd?: string | undefined
  /** MiB and backing file of each NUMA node; without a file the memory is the process's own. */
  readonly memory: ReadonlyArray<{
    readonly mb: number
    readonly path: string | undefined
    readonly hostNode?: number | undefined
  }>
  /** The file of the scratch disk. */
  readonly disk?: string | undefined
  /** The descriptor of the monitor's socket; undefined: there is no monitor. */
  readonly qmp: number | undefined
  /** ktstr's plugin and its words. A machine with a monitor and the plugin waits for `cont`. */
  readonly plugin?: string | undefined
  /** Whether the machine is a fork server. Default false. */
  readonly forks?: boolean | undefined
  /** Whether qemu drops the system calls that no machine needs ({@link sandboxOptions}). Default true. */
  readonly sandbox?: boolean | undefined
  /** The character devices of COM1 and COM2: named pipes by their stems, or files. */
  readonly ports: { readonly kind: "pipe" | "file"; readonly console: string; readonly channel: string }
}

/**
 * Returns the CPU model. Emulation shows an Intel part, because qemu 7.2 tells AMD guests that the whole package shares one L3 (topoext is
 * missing there). Family 6 model 54 is an in-order Atom: kernels know that it has a constant TSC, so that siblings copy the
 * delay calibration (0.25 s for each CPU otherwise), and that it needs no page-table isolation or retpolines. Without MONITOR
 * idle vCPUs halt; qemu's MWAIT would spin on the host.
 */
const cpuModel = (accel: QemuAccel, deterministic: boolean, realtimeHint: boolean): string => {
  if (accel === "kvm") return `host,host-cache-info=off,l3-cache=on${realtimeHint ? ",kvm-hint-dedicated=on" : ""}`
  const emulated = "max,vendor=GenuineIntel,family=6,model=54,stepping=9,-monitor"
  // RDRAND and RDSEED would let the host's randomness in.
  return deterministic ? `${emulated},-rdrand,-rdseed` : emulated
}

/**
 * Returns the shift: an instruction takes 2^shift nanoseconds. All vCPUs share one stream of instructions: with 2 ns, 8 vCPUs with 64 workers have the time that
 * they need; with 4 ns workers starve. Each step down costs a third of the speed.
 *
 * @since 0.1.0
 * @category constants
 */
export const icountShift = (topology: Topology): number => (topology.cpus <= 16 ? 1 : 0)

const isEven = (topology: Topology): boolean => {
  const first = topology.nodes[0]?.llcs ?? 0
  return first > 0 && topology.nodes.every((node) => node.llcs === first)
}

/**
 * Returns the argument of `-smp`: each LLC is a die, each NUMA node a socket. Nodes that differ share one socket, because all sockets of a machine are equal.
 *
 * @since 0.1.0
 * @category conversions
 */
export const smpArgument = (topology: Topology): string => {
  const sockets = isEven(topology) ? topology.numaNodes : 1
  return [
    `cpus=${topology.cpus}`,
    `maxcpus=${topology.cpus}`,
    `sockets=${sockets}`,
    `dies=${topology.llcs / sockets}`,
    `cores=${topology.coresPerLlc}`,
    `threads=${topology.threadsPerCore}`
  ].join(",")
}

const bitsFor = (count: number): number => Math.ceil(Math.log2(count))

/**
 * Returns the highest APIC ID of the machine: each level has a field of a power of two (Intel SDM volume 3, 9.9.1).
 *
 * @since 0.1.0
 * @category conversions
 */
export const highestApicId = (topology: Topology): number => {
  const sockets = isEven(topology) ? topology.numaNodes : 1
  const dies = topology.llcs / sockets
  const threadBits = bitsFor(topology.threadsPerCore)
  const coreBits = bitsFor(topology.coresPerLlc)
  const dieBits = bitsFor(dies)
  const core = topology.coresPerLlc - 1
  return (
    ((((((sockets - 1) << dieBits) | (dies - 1)) << coreBits) | core) << threadBits) | (topology.threadsPerCore - 1)
  )
}

const backend = (id: string, { hostNode, mb, path }: QemuChoices["memory"][number]): ReadonlyArray<string> => {
  const kind = path === undefined ? `memory-backend-ram,id=${id}` : `memory-backend-file,id=${id}`
  const file = path === undefined ? "" : `,mem-path=${path},share=on`
  return ["-object", `${kind},size=${mb}M${file}${hostNode === undefined ? "" : `,host-nodes=${hostNode},policy=bind`}`]
}

/** Flushes are not waited for, because the disk does not outlive the machine. */
const diskArguments = (path: string): ReadonlyArray<string> => [
  ...["-drive", `if=none,id=scratch,file=${path},format=raw,cache=unsafe`],
  ...["-device", "virtio-blk-pci,drive=scratch,serial=ktstr-scratch"]
]

const needsHmat = (topology: Topology): boolean =>
  topology.nodes.some((node) => node.latencyNs !== undefined || node.bandwidthMbps !== undefined)

/** Returns the node itself if it has CPUs, else the nearest node with CPUs. */
const initiatorOf = (topology: Topology, node: NumaNode): number => {
  if (node.llcs > 0) return node.index
  const distance = (other: NumaNode): number => topology.distances[node.index]?.[other.index] ?? 255
  return topology.nodes
    .filter((other) => other.llcs > 0)
    .reduce((best, other) => (distance(other) < distance(best) ? other : best)).index
}

const numaArguments = (topology: Topology): ReadonlyArray<string> => {
  const hmat = needsHmat(topology)
  const nodes = topology.nodes.flatMap((node) => {
    const first = node.firstLlc * topology.cpusPerLlc
    const last = first + node.llcs * topology.cpusPerLlc - 1
    const cpus = node.llcs === 0 ? "" : `,cpus=${first === last ? first : `${first}-${last}`}`
    const initiator = hmat ? `,initiator=${initiatorOf(topology, node)}` : ""
    return ["-numa", `node,nodeid=${node.index}${cpus},memdev=ram${node.index}${initiator}`]
  })
  const distances = topology.nodes.flatMap(({ index: a }) =>
    topology.nodes
      .filter(({ index: b }) => b > a)
      .flatMap(({ index: b }) => ["-numa", `dist,src=${a},dst=${b},val=${topology.distances[a]?.[b] ?? 20}`])
  )
  const hierarchy = (node: NumaNode): string =>
    `hmat-lb,initiator=${initiatorOf(topology, node)},target=${node.index},hierarchy=memory`
  const latencies = topology.nodes.flatMap((node) =>
    node.latencyNs === undefined
      ? []
      : ["-numa", `${hierarchy(node)},data-type=access-latency,latency=${node.latencyNs}`]
  )
  const bandwidths = topology.nodes.flatMap((node) =>
    node.bandwidthMbps === undefined
      ? []
      : ["-numa", `${hierarchy(node)},data-type=access-bandwidth,bandwidth=${node.bandwidthMbps}M`]
  )
  return [...nodes, ...distances, ...latencies, ...bandwidths]
}

/**
 * Returns the kernel command line of this machine. A guest that is paused while it measures its clock would run it many times too fast,
 * so the command line states the rate. Fails with `BadSpec` as {@link machineCommandLine}.
 *
 * @since 0.1.0
 * @category conversions
 */
export const kernelCommandLine = (
  spec: VmSpec,
  accel: QemuAccel,
  tscKhz?: number | undefined
): Either.Either<string, VmmError> =>
  // An emulated CPU can be late for a clock watchdog or the check of IRQ 0, which would condemn good clocks.
  machineCommandLine(
    spec,
    accel === "kvm"
      ? []
      : [
          "tsc=reliable",
          "no_timer_check",
          // Counted instructions have their own rate.
          ...(tscKhz === undefined || spec.clock === "deterministic" ? [] : [`tsc_early_khz=${tscKhz}`])
        ]
  )

/**
 * Denies what qemu never needs once the machine is built, even if the guest has taken it over: starting programs, getting other rights, changing how it is
 * scheduled, and system calls that only old programs need.
 *
 * @since 0.2.0
 * @category constants
 */
export const sandboxOptions = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"

/**
 * The same for a fork server, which must fork; its plugin keeps it from starting programs.
 *
 * @since 0.2.0
 * @category constants
 */
export const forkSandboxOptions = "on,obsolete=deny,elevateprivileges=deny,resourcecontrol=deny"

/**
 * Returns all arguments of `qemu-system-x86_64`. A guest that powers off, resets or panics leaves the machine paused, with an
 * event on QMP, so that its registers and memory can still be read.
 *
 * @since 0.1.0
 * @category conversions
 */
export const qemuArguments = (spec: VmSpec, choices: QemuChoices): ReadonlyArray<string> => {
  const { topology } = spec
  const deterministic = spec.clock === "deterministic"
  const total = choices.memory.reduce((sum, node) => sum + node.mb, 0)
  const manyNodes = choices.memory.length > 1
  const manyApics = choices.accel === "kvm" && highestApicId(topology) > 254
  const thread = deterministic ? "single" : choices.thread
  return [
    ...(choices.sandbox === false ? [] : ["-sandbox", choices.forks === true ? forkSandboxOptions : sandboxOptions]),
    "-nodefaults",
    "-no-user-config",
    "-display",
    "none",
    "-action",
    "reboot=shutdown,shutdown=pause",
    "-machine",
    [
      "q35,smbus=off,sata=off,vmport=off",
      ...(manyNodes ? [] : ["memory-backend=ram0"]),
      ...(manyNodes && needsHmat(topology) ? ["hmat=on"] : []),
      ...(manyApics ? ["kernel-irqchip=split"] : [])
    ].join(","),
    "-accel",
    choices.accel === "kvm" ? "kvm" : `tcg,thread=${thread}`,
    "-cpu",
    cpuModel(choices.accel, deterministic, spec.performance?.realtimeHint === true),
    "-smp",
    smpArgument(topology),
    "-m",
    `${total}M`,
    ...choices.memory.flatMap((memory, index) => backend(`ram${index}`, memory)),
    ...(manyNodes ? numaArguments(topology) : []),
    // APIC ids above 254 need interrupt remapping in extended mode.
    ...(manyApics ? ["-device", "intel-iommu,intremap=on,eim=on"] : []),
    ...(deterministic
      ? ["-icount", `shift=${icountShift(topology)},sleep=off`, "-rtc", "clock=vm,base=2020-01-01", "-seed", "0"]
      : []),
    ...(spec.performance?.idleInGuest === true && choices.accel === "kvm" ? ["-overcommit", "cpu-pm=on"] : []),
    ...(choices.disk === undefined ? [] : diskArguments(choices.disk)),
    ...(choices.plugin === undefined ? [] : ["-plugin", choices.plugin]),
    // The plugin keeps the monitor from answering while the guest computes, so the monitor is connected before that.
    ...(choices.plugin === undefined || choices.qmp === undefined ? [] : ["-S"]),
    ...(choices.qmp === undefined ? [] : ["-chardev", `socket,id=qmp,fd=${choices.qmp}`]),
    "-chardev",
    `${choices.ports.kind},id=com1,path=${choices.ports.console}`,
    "-chardev",
    `${choices.ports.kind},id=com2,path=${choices.ports.channel}`,
    ...(choices.qmp === undefined ? [] : ["-mon", "chardev=qmp,mode=control"]),
    "-serial",
    "chardev:com1",
    "-serial",
    "chardev:com2",
    "-kernel",
    choices.kernel,
    ...(choices.initrd === undefined ? [] : ["-initrd", choices.initrd]),
    "-append",
    choices.commandLine
  ]
}
