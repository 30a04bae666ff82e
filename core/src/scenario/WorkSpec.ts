/**
 * A group of identical workers in a cgroup.
 *
 * @since 0.1.0
 */
import { type OptionNames, refuseUnknown } from "../base/index.ts"
import type { AffinityKind, MemPolicy } from "../topology/index.ts"
import { type SchedPolicy, WorkTypeRef } from "../work/index.ts"

/**
 * What a group of workers does. Unset fields come from the cgroup's definition, then from the scenario's context.
 *
 * @since 0.1.0
 * @category models
 */
export interface WorkSpec {
  /** Unset: SpinWait. */
  readonly workType?: WorkTypeRef | undefined
  /** Unset: the context's `workersPerCgroup`. */
  readonly workers?: number | undefined
  readonly affinity?: AffinityKind | undefined
  readonly schedPolicy?: SchedPolicy | undefined
  /** From −20 (most CPU) to 19. */
  readonly nice?: number | undefined
  readonly memPolicy?: MemPolicy | undefined
  /** `MpolFlags` combined with `|`. */
  readonly mpolFlags?: number | undefined
}

const names: OptionNames<WorkSpec> = {
  workType: true,
  workers: true,
  affinity: true,
  schedPolicy: true,
  nice: true,
  memPolicy: true,
  mpolFlags: true
}

/**
 * Functions to make and combine groups of workers.
 *
 * @since 0.1.0
 * @category constructors
 */
export const WorkSpec: {
  /** Makes a group; a work type may be given by name. Throws OptionError if an option is unknown. */
  readonly make: (
    options: Omit<WorkSpec, "workType"> & { readonly workType?: WorkTypeRef | string | undefined }
  ) => WorkSpec
  /** Fills the unset fields of `spec` from `base`. */
  readonly withBase: (spec: WorkSpec, base: WorkSpec) => WorkSpec
} = {
  make: (options) => {
    refuseUnknown("a group of workers", options, names)
    const { workType, ...rest } = options
    if (workType === undefined) return rest
    return { ...rest, workType: typeof workType === "string" ? WorkTypeRef.of(workType) : workType }
  },
  withBase: (spec, base) => ({
    workType: spec.workType ?? base.workType,
    workers: spec.workers ?? base.workers,
    affinity: spec.affinity ?? base.affinity,
    schedPolicy: spec.schedPolicy ?? base.schedPolicy,
    nice: spec.nice ?? base.nice,
    memPolicy: spec.memPolicy ?? base.memPolicy,
    mpolFlags: spec.mpolFlags ?? base.mpolFlags
  })
}
