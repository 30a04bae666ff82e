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
 * The machine and settings for which a scenario is built.
 *
 * @since 0.1.0
 * @category models
 */
export interface ScenarioContext {
  readonly topo: TestTopology
  /** The scenario's duration in milliseconds; fractional holds refer to it. */
  readonly durationMs: number
  /** Number of workers of a group that does not set one. */
  readonly workersPerCgroup: number
  /** Replaces the work types of swappable definitions. */
  readonly workTypeOverride: WorkTypeRef | undefined
  /** Name of the scheduler under test; `eevdf`, `cfs` and `default` stand for the kernel's own, which can't be detached. */
  readonly scheduler: string
  /** Seed of every random choice on the host. */
  readonly seed: number
  /** Returns the name of a cgroup: `cg_0`, `cg_1`, … */
  readonly cgroupName: (index: number) => string
  /** Makes a run of a payload, for programs: `yield* ctx.payload(fio).inCgroup("io").run()`. */
  readonly payload: (payload: Payload) => PayloadRun
}

/**
 * The constructor of contexts.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ScenarioContext: {
  /** Makes a context. Defaults: 2 s, 2 workers per cgroup, no override, eevdf, seed 0. */
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
