import { suggestion } from "../base/index.ts"
import type { Command } from "../protocol/index.ts"
import type { Op } from "../scenario/index.ts"
import type { CgroupState } from "./cgroupState.ts"
import { payloadOpProblem } from "./payloads.ts"

/** Returns the cgroups that an op names. */
export const cgroupsOf = (op: Op): ReadonlyArray<string> => {
  switch (op._tag) {
    case "SwapCpusets":
      return [op.a, op.b]
    case "MoveAllTasks":
      return op.to === "" ? [op.from] : [op.from, op.to]
    case "SpawnHost":
    case "DetachScheduler":
    case "AttachScheduler":
    case "RestartScheduler":
      return []
    case "RunPayload":
      return op.spec.cgroup === "" ? [] : [op.spec.cgroup]
    case "WaitPayload":
    case "KillPayload":
      return []
    default:
      return [op.cgroup]
  }
}

const pathLimit = 255

/** Returns what is wrong with a cgroup's name; undefined if nothing is. */
export const cgroupNameProblem = (name: string): string | undefined => {
  const wrong = (what: string) => `cgroup name '${name}': ${what}; write a name such as cg_0, or a/b for a nested one`
  for (const part of name.split("/")) {
    if (part === "") return wrong(name === "" ? "it is empty" : "it has an empty part")
    if (part === "." || part === "..") return wrong(`'${part}' is no name`)
    if (part.includes("\0") || part.includes("\n")) return wrong("it has a NUL or a newline")
    // kernel/cgroup/cgroup.c, cgroup_mkdir: "Do not accept '\n' to prevent making /proc/<pid>/cgroup unparsable."
    if (new TextEncoder().encode(part).length > pathLimit) return wrong(`a part is longer than ${pathLimit} bytes`)
  }
  return undefined
}

/** Returns what is wrong with an op's numbers; undefined if nothing is. */
export const opValueProblem = (op: Op): string | undefined => {
  const within = (what: string, value: number, min: number, max: number): string | undefined =>
    Number.isInteger(value) && value >= min && value <= max
      ? undefined
      : `${op._tag}: ${what} is ${value}; it must be a whole number from ${min} to ${max}`
  switch (op._tag) {
    case "SetWeight":
      return within("the weight", op.weight, 1, 10_000)
    case "SetBandwidth": {
      // kernel/sched/core.c: min_cfs_quota_period 1 ms, max_cfs_quota_period 1 s.
      const period = within("the period in microseconds", op.periodUs, 1000, 1_000_000)
      return (
        period ?? (op.quotaUs === "max" ? undefined : within("the quota in microseconds", op.quotaUs, 1000, 2 ** 44))
      )
    }
    case "KillWorker":
      return within("the worker", op.worker, 0, 2 ** 31) ?? within("the signal", op.signal, 1, 64)
    case "WaitPayload":
    case "KillPayload":
      return payloadOpProblem(op)
    default:
      return undefined
  }
}

/** Returns whether two rounds of a loop consist of the same commands. A round that spawns never does, because its groups have new numbers. */
export const isSameRound = (a: ReadonlyArray<Command>, b: ReadonlyArray<Command>): boolean =>
  a.length === b.length &&
  a.every((command, i) => command._tag !== "Spawn" && JSON.stringify(command) === JSON.stringify(b[i]))

/** Returns an error if the op's cgroup was never created. Only for ops on workers, which name no file: other ops fail in the guest, with the path. */
export const createdProblem = (op: Op & { readonly cgroup: string }, state: CgroupState): string | undefined =>
  state.wasEverCreated(op.cgroup)
    ? undefined
    : `${op._tag}: no cgroup '${op.cgroup}' was created${suggestion(op.cgroup, state.names)}`
