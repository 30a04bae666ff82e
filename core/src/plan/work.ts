import { Effect, Either } from "effect"
import type { GuestWorker } from "../protocol/index.ts"
import type { ScenarioContext, WorkSpec } from "../scenario/index.ts"
import { type CpuSet, MemPolicy, type TestTopology } from "../topology/index.ts"
import {
  checkWorkerCount,
  childLists,
  SchedPolicy,
  type WorkInstance,
  type WorkNode,
  WorkProgram,
  WorkTypeError,
  WorkTypeRef,
  type WorkTypes
} from "../work/index.ts"
import { PlanError } from "./PlanError.ts"

const workTypeFailure = (error: WorkTypeError): PlanError =>
  new PlanError({ reason: error.reason === "WorkerCount" ? "WorkerCount" : "WorkType", message: error.message })

/** Converts the message of an invalid affinity to an error of its cgroup. */
export const affinityFailure =
  (subject: string) =>
  (message: string): PlanError =>
    new PlanError({ reason: "Affinity", message: `${subject}: ${message}` })

const someNode = (program: WorkProgram, matches: (node: WorkNode) => boolean): boolean => {
  const inList = (nodes: ReadonlyArray<WorkNode>): boolean =>
    nodes.some((node) => matches(node) || childLists(node).some(([, children]) => inList(children)))
  return inList(program.setup) || inList(program.body) || inList(program.teardown)
}

/** Returns whether the program sets its own affinity to explicit CPUs. */
export const movesItself = (program: WorkProgram): boolean =>
  someNode(program, (node) => node._tag === "SetAffinity" && typeof node.target !== "string")

/** Returns whether every worker of the program will have wake latencies. A lock does not count, because it may be uncontended. */
export const blocks = (program: WorkProgram): boolean =>
  someNode(program, (node) => ["Yield", "Sleep", "Await", "PipeRead"].includes(node._tag))

/** A spawn with everything resolved. */
export interface ResolvedWork {
  readonly instance: WorkInstance
  readonly workers: number
  readonly program: Uint8Array
  readonly channels: number
  readonly warning: string | undefined
}

/**
 * Resolves work type, count and program of a spawn. An override replaces the work type if it is swappable. If the scenario fixes the number of
 * workers and it is not a multiple of the override's group size, the override is ignored with a warning.
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

/** Returns the workers of a spawn in the form the agent takes. */
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
