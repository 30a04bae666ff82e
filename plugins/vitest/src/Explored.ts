/**
 * What `ktstr explore` and `ktstr replay` request from a test beside its seed, and what a test reports about itself.
 *
 * @since 0.1.0
 */

import { ScenarioContext, TestTopology } from "@ktstr/core"
import { countOps } from "@ktstr/core/explore"
import { PlanError } from "@ktstr/core/plan"
import type { SettledRun } from "@ktstr/core/run"
import { isScenarioProgram } from "@ktstr/core/scenario"
import { Either } from "effect"

/**
 * How large a test is.
 *
 * @since 0.1.0
 * @category models
 */
export interface TestSize {
  readonly topology: string
  readonly workersPerCgroup: number
  readonly durationMs: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Explored {
  /** The test only reports its size; no machine boots. */
  readonly describe?: boolean | undefined
  /** Size of the run, and the ops to leave out, by their index in the scenario. Default: as declared. */
  readonly smaller?: (TestSize & { readonly without: ReadonlyArray<number> }) | undefined
  /** A directory for the telemetry of the run. */
  readonly trace?: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface DeclaredSize extends TestSize {
  /** Ops of its scenario that could be left out. */
  readonly ops: number
}

/**
 * How large a request is; the host can't run a program at the times of a seed.
 *
 * @since 0.1.0
 * @category accessors
 */
export const sizeOf = (request: SettledRun): Either.Either<DeclaredSize, PlanError> => {
  const { durationMs, scenario, scheduler, seed, topology, workersPerCgroup, workTypeOverride } = request
  const built = scenario.build(
    ScenarioContext.make({
      topo: TestTopology.fromTopology(topology),
      durationMs,
      workersPerCgroup,
      workTypeOverride,
      scheduler: scheduler?.scheduler.name,
      seed
    })
  )
  if (isScenarioProgram(built)) {
    const message = `'${scenario.name}' is a program, which the host runs in its own time: only scenarios of steps have seeds`
    return Either.left(new PlanError({ reason: "Program", message }))
  }
  return Either.right({ topology: String(topology), workersPerCgroup, durationMs, ops: countOps(built) })
}
