/**
 * What a scenario knows when it is built.
 *
 * @since 0.1.0
 */
import type { Payload } from "../payload/index.ts"
import type { TestTopology } from "../topology/index.ts"
import type { WorkTypeRef } from "../work/index.ts"
import { PayloadRun } from "./PayloadRun.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface ScenarioContext {
  readonly topo: TestTopology
  /** The scenario's duration in milliseconds, which fractions of holds are of. */
  readonly durationMs: number
  /** Workers of a group that does not say how many. */
  readonly workersPerCgroup: number
  /** Replaces the work types of swappable definitions. */
  readonly workTypeOverride: WorkTypeRef | undefined
  /** Name of the scheduler under test; `eevdf`, `cfs`, `default`: the kernel's own, which can't be detached. */
  readonly scheduler: string
  /** Decides every random choice of the host. */
  readonly seed: number
  /** `cg_0`, `cg_1`, … */
  readonly cgroupName: (index: number) => string
  /** A run of a payload, for programs: `yield* ctx.payload(fio).inCgroup("io").run()`. */
  readonly payload: (payload: Payload) => PayloadRun
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const ScenarioContext: {
  /** Defaults: 2 s, 2 workers a cgroup, no override, eevdf, seed 0. */
  readonly make: (options: {
    readonly topo: TestTopology
    readonly durationMs?: number | undefined
    readonly workersPerCgroup?: number | undefined
    readonly workTypeOverride?: WorkTypeRef | undefined
    readonly scheduler?: string | undefined
    readonly seed?: number | undefined
  }) => ScenarioContext
} = {
  make: (options) => ({
    topo: options.topo,
    durationMs: options.durationMs ?? 2000,
    workersPerCgroup: options.workersPerCgroup ?? 2,
    workTypeOverride: options.workTypeOverride,
    scheduler: options.scheduler ?? "eevdf",
    seed: options.seed ?? 0,
    cgroupName: (index) => `cg_${index}`,
    payload: PayloadRun.of
  })
}
