import { Effect, Either } from "effect"
import type { CpuSet } from "../CpuSet.ts"
import type { GuestWorker } from "../guest/Command.ts"
import { MemPolicy } from "../MemPolicy.ts"
import type { Op } from "../Op.ts"
import { PlanError } from "../PlanError.ts"
import type { ScenarioContext } from "../ScenarioContext.ts"
import { SchedPolicy } from "../SchedPolicy.ts"
import type { TestTopology } from "../TestTopology.ts"
import type { WorkNode } from "../WorkNode.ts"
import { WorkProgram } from "../WorkProgram.ts"
import { childLists } from "../WorkProgramLimits.ts"
import type { WorkSpec } from "../WorkSpec.ts"
import { checkWorkerCount, type WorkInstance, WorkTypeError, WorkTypeRef, type WorkTypes } from "../WorkType.ts"

const workTypeFailure = (error: WorkTypeError): PlanError =>
  new PlanError({ reason: error.reason === "WorkerCount" ? "WorkerCount" : "WorkType", message: error.message })

/** How a wrong affinity of a cgroup is reported. */
export const affinityFailure =
  (subject: string) =>
  (message: string): PlanError =>
    new PlanError({ reason: "Affinity", message: `${subject}: ${message}` })

const pathLimit = 255

/** What is wrong with a cgroup's name; undefined when nothing is. */
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

/** What is wrong with an op's numbers; undefined when nothing is. */
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
    default:
      return undefined
  }
}

/** Whether the program sets its own affinity to CPUs that it names. */
export const moveSelf = (program: WorkProgram): boolean => {
  const inList = (nodes: ReadonlyArray<WorkNode>): boolean =>
    nodes.some(
      (node) =>
        (node._tag === "SetAffinity" && typeof node.target !== "string") ||
        childLists(node).some(([, children]) => inList(children))
    )
  return inList(program.setup) || inList(program.body) || inList(program.teardown)
}

interface ResolvedWork {
  readonly instance: WorkInstance
  readonly workers: number
  readonly program: Uint8Array
  readonly channels: number
  readonly warning: string | undefined
}

/**
 * The work type, count and program of a spawn. An override replaces a swappable one's work type; when the scenario itself
 * fixed the number of workers and the override's group size does not divide it, the override is left out with a warning.
 */
export const resolveWork = (
  spec: WorkSpec,
  ctx: ScenarioContext,
  swappable: boolean,
  subject: string
): Effect.Effect<ResolvedWork, PlanError, WorkTypes> =>
  Effect.gen(function* () {
    const workers = spec.workers ?? ctx.workersPerCgroup
    let instance = yield* WorkTypeRef.resolve(spec.workType ?? WorkTypeRef.SpinWait)
    let warning: string | undefined
    if (swappable && ctx.workTypeOverride !== undefined) {
      const override = yield* WorkTypeRef.resolve(ctx.workTypeOverride)
      if (spec.workers === undefined || spec.workers % override.groupSize === 0) instance = override
      else {
        warning = `${subject} keeps ${instance.name}: ${override.name} works in groups of ${override.groupSize}, it has ${workers}`
      }
    }
    yield* checkWorkerCount(instance, workers)
    const program = yield* Either.mapLeft(
      WorkProgram.encode(instance.program),
      (error) => new WorkTypeError({ reason: "BadParameter", message: `work type ${instance.name}: ${error.message}` })
    )
    return { instance, workers, program, channels: WorkProgram.channels(instance.program), warning }
  }).pipe(Effect.mapError(workTypeFailure))

/** The workers of a spawn as the agent takes them. */
export const toWorkers = (
  spec: WorkSpec,
  affinity: ReadonlyArray<CpuSet | undefined>,
  at: { readonly topology: TestTopology; readonly cpuset: CpuSet | undefined; readonly subject: string }
): Either.Either<ReadonlyArray<GuestWorker>, PlanError> => {
  const policy = spec.schedPolicy ?? SchedPolicy.Normal
  const nice = spec.nice ?? 0
  const flags = spec.mpolFlags ?? 0
  const niceProblem =
    Number.isInteger(nice) && nice >= -20 && nice <= 19 ? undefined : `nice is ${nice}; it must be -20 to 19`
  const orphanFlags = spec.memPolicy === undefined && flags !== 0 ? "mpolFlags without a memPolicy" : undefined
  const problem =
    SchedPolicy.problem(policy) ??
    niceProblem ??
    orphanFlags ??
    (spec.memPolicy === undefined ? undefined : MemPolicy.problem(spec.memPolicy, flags, at.topology, at.cpuset))
  if (problem !== undefined)
    return Either.left(new PlanError({ reason: "Policy", message: `${at.subject}: ${problem}` }))
  const memPolicy =
    spec.memPolicy === undefined
      ? undefined
      : { mode: MemPolicy.number(spec.memPolicy), flags, nodes: MemPolicy.nodes(spec.memPolicy) }
  return Either.right(
    affinity.map((mask, index) => ({
      index,
      affinity: mask?.cpus,
      policy: SchedPolicy.number(policy),
      priority: SchedPolicy.priority(policy),
      nice,
      memPolicy
    }))
  )
}
