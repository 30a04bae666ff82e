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

/** How a wrong affinity of a cgroup is reported. */
export const affinityFailure =
  (subject: string) =>
  (message: string): PlanError =>
    new PlanError({ reason: "Affinity", message: `${subject}: ${message}` })

const someNode = (program: WorkProgram, matches: (node: WorkNode) => boolean): boolean => {
  const inList = (nodes: ReadonlyArray<WorkNode>): boolean =>
    nodes.some((node) => matches(node) || childLists(node).some(([, children]) => inList(children)))
  return inList(program.setup) || inList(program.body) || inList(program.teardown)
}

/** Whether the program sets its own affinity to CPUs that it names. */
export const movesItself = (program: WorkProgram): boolean =>
  someNode(program, (node) => node._tag === "SetAffinity" && typeof node.target !== "string")

/** Whether every worker of the program will see wake latencies; an uncontended lock, for one, promises none. */
export const blocks = (program: WorkProgram): boolean =>
  someNode(program, (node) => ["Yield", "Sleep", "Await", "PipeRead"].includes(node._tag))

/** What a spawn comes to. */
export interface ResolvedWork {
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
