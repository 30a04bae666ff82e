/**
 * Manages the cgroups of a running scenario, for scenarios that are programs instead of data.
 *
 * @since 0.1.0
 */
import { Context, Data, type Effect } from "effect"
import type { CpusetSpec, CpusetSpecError } from "../topology/index.ts"
import type { CgroupController, CgroupDef } from "./CgroupDef.ts"

/**
 * A cgroup operation failed. The message is the kernel's own with the path, for example `No such file or directory:
 * /sys/fs/cgroup/cg_0/cgroup.procs`.
 *
 * @since 0.1.0
 * @category errors
 */
export class CgroupError extends Data.TaggedError("CgroupError")<{
  /** The kernel's error number; 0 if the error does not come from the kernel. */
  readonly errno: number
  /** Path below the root of the run. */
  readonly cgroup: string
  readonly message: string
  /** The agent's own error, if it rejected a command. */
  readonly cause?: unknown
}> {}

/**
 * Creates, confines and removes cgroups wherever the scenario runs: depending on the layer, the same program works in a guest (over the live channel)
 * or on the host. Names are relative to the root of the run; `a/b` is nested.
 *
 * @since 0.1.0
 * @category services
 */
export class CgroupManager extends Context.Tag("@ktstr/core/CgroupManager")<
  CgroupManager,
  {
    /** Creates the cgroups of the definitions with their cpusets, in order, without starting workers. Idempotent. */
    readonly setupCgroups: (defs: ReadonlyArray<CgroupDef>) => Effect.Effect<void, CgroupError | CpusetSpecError>
    /** Creates a cgroup and its ancestors, with the controllers (default: `cpuset` and `cpu`) enabled at every level. Idempotent. */
    readonly create: (cgroup: string, controllers?: ReadonlyArray<CgroupController>) => Effect.Effect<void, CgroupError>
    /** Moves the cgroup's tasks to the root, then removes the cgroup, children first. */
    readonly remove: (cgroup: string) => Effect.Effect<void, CgroupError>
    readonly setCpuset: (cgroup: string, cpuset: CpusetSpec) => Effect.Effect<void, CgroupError | CpusetSpecError>
    readonly clearCpuset: (cgroup: string) => Effect.Effect<void, CgroupError>
    /** Writes a file of the cgroup, for example `cpu.weight`. */
    readonly write: (cgroup: string, file: string, value: string) => Effect.Effect<void, CgroupError>
    /** Reads a file of the cgroup, for example `cpu.stat`, and returns its unchanged text. */
    readonly read: (cgroup: string, file: string) => Effect.Effect<string, CgroupError>
    /** Moves every task. Skips tasks that end meanwhile; retries EBUSY 3 times, 100 ms apart. */
    readonly moveTasks: (from: string, to: string) => Effect.Effect<void, CgroupError>
  }
>() {}
