/**
 * This host in place of a VM: the agent runs as a child process, with its cgroups below one of its own.
 *
 * @since 0.1.0
 */
import { FileSystem } from "@effect/platform"
import { Context, Data, Effect, type Scope } from "effect"
import type { AgentMissing } from "./AgentBinary.ts"
import type { Vm } from "./Vmm.ts"

/**
 * Why nothing can run on this host.
 *
 * @since 0.1.0
 * @category errors
 */
export type HostErrorReason =
  | "NoCgroup2" // cgroup v2 is not mounted
  | "NoController" // mounted without cpuset or cpu
  | "NoRights"
  | "MissingFile" // a file that the work needs, which only a guest would be given
  | "AgentFailed"

/**
 * Nothing can run on this host, or the agent failed. The message says why and what to do.
 *
 * @since 0.1.0
 * @category errors
 */
export class HostError extends Data.TaggedError("HostError")<{
  readonly reason: HostErrorReason
  readonly message: string
}> {}

/**
 * What the agent on this host is to run.
 *
 * @since 0.1.0
 * @category models
 */
export interface HostSpec {
  /** The plan that the agent runs; undefined: it takes commands over the channel. */
  readonly plan: Uint8Array | undefined
  /** Milliseconds after which the agent ends by itself. */
  readonly deadlineMs: number
  /** Mount point of a cgroup2 file system with the controllers `cpuset` and `cpu`. */
  readonly cgroupMount: string
}

/**
 * Starts the agent on this host.
 *
 * @since 0.1.0
 * @category services
 */
export class HostMachine extends Context.Tag("@ktstr/core/HostMachine")<
  HostMachine,
  {
    /**
     * Starts the agent and presents it as a machine, with a channel and an end but no memory. Closing the scope ends the agent, its workers and its
     * cgroups `ktstr-PID`, whatever their state.
     */
    readonly start: (spec: HostSpec) => Effect.Effect<Vm, HostError | AgentMissing, Scope.Scope>
  }
>() {}

const needed = ["cpuset", "cpu"] as const
const inMachine = "or leave out --host to run in a virtual machine"

/** Parses the mount points of cgroup2 from /proc/PID/mountinfo (proc(5)); octal escapes stand for blanks. */
const cgroup2Mounts = (mountinfo: string): ReadonlyArray<string> =>
  mountinfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ")
    const point = before.split(" ")[4]
    if (!after.startsWith("cgroup2 ") || point === undefined) return []
    return [point.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))]
  })

/**
 * Returns the mount point of a writable cgroup2 with the controllers ktstr needs. The error says what is missing.
 *
 * @since 0.1.0
 * @category accessors
 */
export const findCgroupMount: (mountinfo?: string) => Effect.Effect<string, HostError, FileSystem.FileSystem> =
  Effect.fn("HostMachine.findCgroupMount")(function* (mountinfo = "/proc/self/mountinfo") {
    const fs = yield* FileSystem.FileSystem
    const mounts = cgroup2Mounts(yield* Effect.orElseSucceed(fs.readFileString(mountinfo), () => ""))
    if (mounts.length === 0) {
      const message = `no cgroup v2 is mounted on this machine; boot it with systemd.unified_cgroup_hierarchy=1, ${inMachine}`
      return yield* new HostError({ reason: "NoCgroup2", message })
    }
    const lacking: Array<string> = []
    for (const mount of mounts) {
      const text = yield* Effect.orElseSucceed(fs.readFileString(`${mount}/cgroup.controllers`), () => "")
      const controllers = text.split(/\s+/).filter(Boolean)
      const absent = needed.filter((name) => !controllers.includes(name))
      if (absent.length > 0) {
        lacking.push(
          `${mount} has no controller ${absent.join(" and no ")} (it has: ${controllers.join(", ") || "none"})`
        )
        continue
      }
      const writable = fs.access(mount, { writable: true }).pipe(
        Effect.as(true),
        Effect.orElseSucceed(() => false)
      )
      if (yield* writable) return mount
      const message = `no right to make cgroups in ${mount}: run it as root, ${inMachine}`
      return yield* new HostError({ reason: "NoRights", message })
    }
    const message = `cgroup v2 is not usable on this machine: ${lacking.join("; ")}; they belong to cgroup v1 where that is mounted: boot with systemd.unified_cgroup_hierarchy=1, ${inMachine}`
    return yield* new HostError({ reason: "NoController", message })
  })
