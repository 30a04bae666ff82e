/**
 * The kernel configuration that ktstr builds with: options on top of `tinyconfig` or `defconfig`.
 *
 * @since 0.1.0
 */

import { sha256Hex } from "@ktstr/core/base"
import { CurrentFragment } from "@ktstr/core/kernel"
import { type Effect, Layer } from "effect"

/**
 * The base that the fragment is added to.
 *
 * @since 0.1.0
 * @category models
 */
export type BuildBase = "tinyconfig" | "defconfig"

/**
 * A group of options with the reason for them.
 *
 * @since 0.1.0
 * @category models
 */
export interface FragmentPart {
  readonly about: string
  /** Option names without `CONFIG_`, `NAME` for `y`, else `NAME=value`. */
  readonly options: ReadonlyArray<string>
}

/**
 * The fragment, in the order in which it is written.
 *
 * @since 0.1.0
 * @category constants
 */
export const kernelFragment: ReadonlyArray<FragmentPart> = [
  {
    about: "a machine with many CPUs, nodes and caches, as ACPI tells them",
    options: [
      "64BIT",
      "SMP",
      "NR_CPUS=512",
      "NUMA",
      "NUMA_BALANCING",
      "ACPI",
      "ACPI_HMAT",
      "PCI",
      "X86_X2APIC",
      "X86_LOCAL_APIC",
      "X86_MPPARSE"
    ]
  },
  {
    about: "a guest that knows when its host took a CPU away, entered by PVH or the boot protocol",
    options: [
      "HYPERVISOR_GUEST",
      "PARAVIRT",
      "PARAVIRT_TIME_ACCOUNTING",
      "PARAVIRT_SPINLOCKS",
      "KVM_GUEST",
      "PVH",
      "RELOCATABLE=n",
      "KERNEL_LZ4",
      "BLK_DEV_INITRD",
      "RD_LZ4",
      "CC_OPTIMIZE_FOR_PERFORMANCE"
    ]
  },
  {
    about: "what is tested: scheduling classes, domains, and what they count",
    options: [
      "SCHED_CLASS_EXT",
      "SCHED_MC",
      "SCHED_SMT",
      "SCHED_CLUSTER",
      "SCHEDSTATS",
      "SCHED_DEBUG",
      "PREEMPT_VOLUNTARY",
      "HIGH_RES_TIMERS",
      "NO_HZ",
      "NO_HZ_IDLE",
      "HZ_1000",
      "RSEQ",
      "TASKSTATS",
      "TASK_DELAY_ACCT",
      "TASK_XACCT",
      "TASK_IO_ACCOUNTING"
    ]
  },
  {
    about: "schedulers as BPF programs, relocated by the kernel's own types",
    options: [
      "BPF",
      "BPF_SYSCALL",
      "BPF_JIT",
      "BPF_JIT_ALWAYS_ON",
      "DEBUG_KERNEL",
      "DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT",
      "DEBUG_INFO_BTF",
      "KALLSYMS",
      "KALLSYMS_ALL",
      "IKCONFIG",
      "IKCONFIG_PROC"
    ]
  },
  {
    about: "probes and traces",
    options: [
      "DEBUG_FS",
      "FTRACE",
      "FUNCTION_TRACER",
      "DYNAMIC_FTRACE",
      "KPROBES",
      "KPROBE_EVENTS",
      "UPROBES",
      "PERF_EVENTS",
      "BPF_EVENTS",
      "STACKTRACE",
      "UNWINDER_ORC",
      "BUG"
    ]
  },
  {
    about: "cgroups with their controllers",
    options: [
      "CGROUPS",
      "CPUSETS",
      "CGROUP_SCHED",
      "FAIR_GROUP_SCHED",
      "EXT_GROUP_SCHED",
      "CFS_BANDWIDTH",
      "RT_GROUP_SCHED=n",
      "CGROUP_PIDS",
      "CGROUP_FREEZER",
      "CGROUP_CPUACCT",
      "MEMCG"
    ]
  },
  {
    about: "devices of ktstr's machines",
    options: [
      "TTY",
      "UNIX98_PTYS",
      "SERIAL_8250",
      "SERIAL_8250_CONSOLE",
      "EARLY_PRINTK",
      "PRINTK",
      "PRINTK_TIME",
      "MAGIC_SYSRQ",
      "DEVMEM",
      "BLOCK",
      "BLK_DEV",
      "VIRTIO_MENU",
      "VIRTIO",
      "VIRTIO_MMIO",
      "VIRTIO_MMIO_CMDLINE_DEVICES",
      "VIRTIO_CONSOLE",
      "VIRTIO_BLK"
    ]
  },
  {
    about: "what the agent and the work types use",
    options: [
      "PROC_FS",
      "SYSFS",
      "DEVTMPFS",
      "TMPFS",
      "SHMEM",
      "BINFMT_ELF",
      "BINFMT_SCRIPT",
      "COREDUMP",
      "ELF_CORE",
      "MULTIUSER",
      "FUTEX",
      "EPOLL",
      "SIGNALFD",
      "TIMERFD",
      "EVENTFD",
      "INOTIFY_USER",
      "POSIX_TIMERS",
      "POSIX_MQUEUE",
      "SYSVIPC",
      "FILE_LOCKING",
      "ADVISE_SYSCALLS",
      "MEMBARRIER",
      "AIO",
      "IO_URING",
      "SECCOMP",
      "TRANSPARENT_HUGEPAGE",
      "COMPACTION",
      "NET",
      "UNIX"
    ]
  }
]

/** Returns the options of the fragment as lines of a configuration. */
const assignment = (option: string): string => {
  const [name, value = "y"] = option.split("=")
  return value === "n" ? `# CONFIG_${name} is not set` : `CONFIG_${name}=${value}`
}

/**
 * Returns the fragment in the form that merge_config.sh takes. Modules and xz, which tinyconfig chooses for the image, are switched off.
 *
 * @since 0.1.0
 * @category constants
 */
export const kernelFragmentText: string = [
  ...kernelFragment.flatMap(({ about, options }) => [`# ${about}`, ...options.map(assignment)]),
  "# CONFIG_MODULES is not set",
  "# CONFIG_KERNEL_XZ is not set",
  ""
].join("\n")

/**
 * SHA-256 of the fragment, lower-case hex; `kconfigHash` in `metadata.json`.
 *
 * @since 0.1.0
 * @category constants
 */
export const kernelFragmentHash: Effect.Effect<string> = sha256Hex(new TextEncoder().encode(kernelFragmentText))

/**
 * Tells the resolver which kernels of the cache were built with this fragment.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerCurrentFragment: Layer.Layer<CurrentFragment> = Layer.effect(CurrentFragment, kernelFragmentHash)

/** Options that ktstr requires, and why one may be missing. */
const required: Readonly<Record<string, string>> = {
  SCHED_CLASS_EXT: "sched_ext came with 6.12, and needs BPF_JIT and DEBUG_INFO_BTF; take a newer source",
  BPF_SYSCALL: "the source's Kconfig changed; see its kernel/bpf/Kconfig",
  BPF_JIT: "the source's Kconfig changed; see its kernel/bpf/Kconfig",
  DEBUG_INFO_BTF: "it needs pahole 1.16 or later: apt-get install pahole",
  KPROBES: "the source's Kconfig changed; see its arch/Kconfig",
  KPROBE_EVENTS: "the source's Kconfig changed; see its kernel/trace/Kconfig",
  FUNCTION_TRACER: "the source's Kconfig changed; see its kernel/trace/Kconfig",
  CGROUPS: "the source's Kconfig changed; see its init/Kconfig",
  CPUSETS: "the source's Kconfig changed; see its init/Kconfig",
  CGROUP_SCHED: "the source's Kconfig changed; see its init/Kconfig",
  EXT_GROUP_SCHED: "it needs SCHED_CLASS_EXT",
  SMP: "the source's Kconfig changed; see its arch/x86/Kconfig",
  NUMA: "the source's Kconfig changed; see its arch/x86/Kconfig",
  ACPI: "the source's Kconfig changed; see its drivers/acpi/Kconfig",
  SCHEDSTATS: "the source's Kconfig changed; see its lib/Kconfig.debug",
  KALLSYMS_ALL: "the source's Kconfig changed; see its init/Kconfig",
  SERIAL_8250_CONSOLE: "the source's Kconfig changed; see its drivers/tty/serial/8250/Kconfig",
  DEVMEM: "the source's Kconfig changed; see its drivers/char/Kconfig",
  DEVTMPFS: "the source's Kconfig changed; see its drivers/base/Kconfig",
  BLK_DEV_INITRD: "the source's Kconfig changed; see its usr/Kconfig"
}

/**
 * Returns the required options that a configuration lacks, each with the reason, e.g. after `make olddefconfig` dropped one that it could not satisfy.
 *
 * @since 0.1.0
 * @category predicates
 */
export const missingOptions = (config: string): ReadonlyArray<{ readonly option: string; readonly why: string }> => {
  const set = new Set(config.split("\n"))
  return Object.entries(required)
    .filter(([name]) => !set.has(`CONFIG_${name}=y`))
    .map(([name, why]) => ({ option: `CONFIG_${name}`, why }))
}
