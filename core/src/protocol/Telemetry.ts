/**
 * What the agent's events report of the guest: its topology, workers, processes and scheduler.
 *
 * @since 0.2.0
 */

/**
 * CPUs and NUMA nodes, as in the guest's sysfs.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReportedTopology {
  readonly cpus: ReadonlyArray<{
    readonly cpu: number
    readonly node: number
    readonly package: number
    readonly coreId: number
    /** Lowest CPU that shares the last-level cache. */
    readonly llcId: number
    readonly threadSiblings: string
    readonly llcShared: string
  }>
  readonly nodes: ReadonlyArray<{
    readonly node: number
    readonly cpulist: string
    readonly memTotalKb: number
    readonly distances: ReadonlyArray<number>
  }>
}

/**
 * A kernel symbol and its address.
 *
 * @since 0.1.0
 * @category models
 */
export interface KernelSymbol {
  readonly name: string
  readonly address: bigint
}

/**
 * How a worker ended.
 *
 * @since 0.2.0
 * @category models
 */
export type WorkerExitKind = "finished" | "exited" | "signaled" | "timed out"

/**
 * How a process ended. `exited`: with status `value`; `signaled`: by signal `value`; `timed out`: killed at its deadline; `not run`: not started,
 * with error number `value` and `message`.
 *
 * @since 0.2.0
 * @category models
 */
export type ProcessExitKind = "exited" | "signaled" | "timed out" | "not run"

/**
 * Why a scheduler ended. `told to`: on request; `never attached`: it did not attach; `by itself`: its process ended; `disabled`: the kernel disabled
 * it while its process continued; `watchdog`: the watchdog ended it.
 *
 * @since 0.2.0
 * @category models
 */
export type SchedulerEndCause = "told to" | "never attached" | "by itself" | "disabled" | "watchdog"

/**
 * How a scheduler's process ended. `exited`: with status `value`; `signaled`: by signal `value`; `killed`: it had to be killed; `not run`: not
 * started, with error number `value`; `still runs`: it has not ended.
 *
 * @since 0.2.0
 * @category models
 */
export type SchedulerExitKind = "exited" | "signaled" | "killed" | "not run" | "still runs"

/**
 * The payload of `WORKER_REPORT`.
 *
 * @since 0.1.0
 * @category models
 */
export interface WorkerTelemetry {
  readonly group: number
  readonly index: number
  readonly cgroup: string
  readonly label: string
  readonly role: number
  readonly tid: number
  readonly workUnits: number
  readonly iterations: number
  readonly cpuTimeNs: number
  readonly wallTimeNs: number
  readonly startTimeNs: number
  readonly cpusUsed: ReadonlyArray<number>
  readonly migrationCount: number
  readonly migrations: ReadonlyArray<{ readonly from: number; readonly to: number; readonly timeNs: number }>
  readonly maxGapNs: number
  readonly maxGapCpu: number
  readonly maxGapAtNs: number
  readonly wakeSeen: number
  readonly wakeKept: number
  readonly schedCpuTimeNs: number
  readonly schedRunDelayNs: number
  readonly schedTimesRun: number
  readonly numaPages: ReadonlyArray<{ readonly node: number; readonly pages: number }>
  readonly numaPagesMigrated: number
  readonly completed: boolean
  readonly exitKind: WorkerExitKind
  readonly exitValue: number
  readonly allowedCpus: ReadonlyArray<number>
  readonly nice: number
  readonly policy: number
}

/**
 * The payload of `PROC_EXIT`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProcessTelemetry {
  readonly id: number
  readonly kind: ProcessExitKind
  readonly value: number
  readonly durationNs: number
  /** Bytes of output that were not sent. */
  readonly dropped: number
  /** Whether `PROC_STOP` or the end of the session asked it to end before it did. */
  readonly stopped: boolean
  readonly message: string
}

/**
 * The payload of `SCHED_ENDED`.
 *
 * @since 0.1.0
 * @category models
 */
export interface SchedulerTelemetry {
  readonly timeNs: number
  readonly cause: SchedulerEndCause
  readonly kind: SchedulerExitKind
  readonly value: number
  readonly durationNs: number
  /** Bytes of output dropped between the part sent immediately and the end. */
  readonly dropped: number
  /** `/sys/kernel/sched_ext/nr_rejected`. */
  readonly rejected: number
  /** `/sys/kernel/sched_ext/state`; empty: the kernel has no sched_ext. */
  readonly state: string
  /** Lines of the kernel's log about sched_ext since the scheduler's start. */
  readonly kernelLog: ReadonlyArray<string>
  /** What went wrong, in one line; empty: nothing. */
  readonly message: string
}

/**
 * Severity of a line in the agent's log.
 *
 * @since 0.1.0
 * @category models
 */
export type LogLevel = "error" | "warning" | "info" | "debug"
