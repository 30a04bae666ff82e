/**
 * A cgroup with its cpuset and workers, as a value.
 *
 * @since 0.1.0
 */

import { OptionError } from "../base/index.ts"
import { Payload, type PayloadRunOptions, type PayloadSpec } from "../payload/index.ts"
import type { AffinityKind, CpusetSpec, MemPolicy } from "../topology/index.ts"
import type { SchedPolicy, WorkTypeRef } from "../work/index.ts"
import { WorkSpec } from "./WorkSpec.ts"

/**
 * Controllers of cgroup v2 that ktstr enables.
 *
 * @since 0.1.0
 * @category models
 */
export type CgroupController = "cpuset" | "cpu"

interface Fields {
  readonly name: string
  readonly controllers: ReadonlyArray<CgroupController>
  readonly cpuset: CpusetSpec | undefined
  readonly base: WorkSpec
  readonly works: ReadonlyArray<WorkSpec>
  readonly payloads: ReadonlyArray<PayloadSpec>
  readonly isSwappable: boolean
}

/**
 * Returns the definitions. Throws OptionError if one was not made by {@link CgroupDef}, such as a plain object, whose fields nothing would check. Looks at
 * its shape, because a user's configuration may have another copy of this package.
 *
 * @since 0.2.0
 * @category validation
 */
export const checkedDefs = (whose: string, defs: ReadonlyArray<CgroupDef>): ReadonlyArray<CgroupDef> => {
  const odd = defs.findIndex((def) => !Array.isArray(def?.workGroups))
  if (odd < 0) return defs
  throw new OptionError({
    message: `${whose}: cgroup ${odd + 1} of ${defs.length} is no definition: CgroupDef.named(name).workers(count) makes one`
  })
}

/**
 * The controllers of a cgroup by default.
 *
 * @since 0.1.0
 * @category constants
 */
export const allControllers: ReadonlyArray<CgroupController> = ["cpuset", "cpu"]

/**
 * An immutable definition of a cgroup: every method returns a new definition. By default it has one group of `workersPerCgroup` SpinWait workers,
 * from the context, and no cpuset of its own. A nested name (`a/b`) makes nested cgroups.
 *
 * Each `work(spec)` adds a group; fields that the group leaves unset (affinity, policy, …) come from the definition. With a `work` or a `payload`,
 * the definition has a group of its own only if `workers` or `workType` was called.
 *
 * @since 0.1.0
 * @category models
 */
export class CgroupDef {
  readonly name: string
  /** Enabled for the cgroup, and for its ancestors if they do not exist yet. Default: both. */
  readonly controllers: ReadonlyArray<CgroupController>
  readonly cpuset: CpusetSpec | undefined
  /** Whether a work-type override replaces its work types. */
  readonly isSwappable: boolean
  private readonly base: WorkSpec
  private readonly works: ReadonlyArray<WorkSpec>
  /** Started in the cgroup once its workers run, and ended with it. */
  readonly payloads: ReadonlyArray<PayloadSpec>

  private constructor(fields: Fields) {
    this.name = fields.name
    this.controllers = fields.controllers
    this.cpuset = fields.cpuset
    this.base = fields.base
    this.works = fields.works
    this.payloads = fields.payloads
    this.isSwappable = fields.isSwappable
  }

  static named(name: string): CgroupDef {
    return new CgroupDef({
      name,
      controllers: allControllers,
      cpuset: undefined,
      base: {},
      works: [],
      payloads: [],
      isSwappable: false
    })
  }

  /**
   * Sets the controllers. Without `cpu`, its workers compete one by one with those of its siblings, unless something else enables the controller
   * above them; without `cpuset`, it can have no cpuset of its own.
   */
  withControllers(controllers: ReadonlyArray<CgroupController>): CgroupDef {
    return this.with({ controllers })
  }

  /** Sets the number of workers of its own group. */
  workers(count: number): CgroupDef {
    return this.withBase({ workers: count })
  }

  /** Sets the work type of its own group, by name or reference. */
  workType(type: WorkTypeRef | string): CgroupDef {
    return this.withBase(WorkSpec.make({ workType: type }))
  }

  withCpuset(cpuset: CpusetSpec): CgroupDef {
    return this.with({ cpuset })
  }

  schedPolicy(schedPolicy: SchedPolicy): CgroupDef {
    return this.withBase({ schedPolicy })
  }

  /** Sets the nice value, from −20 (most CPU) to 19. */
  nice(nice: number): CgroupDef {
    return this.withBase({ nice })
  }

  affinity(affinity: AffinityKind): CgroupDef {
    return this.withBase({ affinity })
  }

  memPolicy(memPolicy: MemPolicy): CgroupDef {
    return this.withBase({ memPolicy })
  }

  /** Sets the flags of the memory policy: `MpolFlags` combined with `|`. */
  mpolFlags(mpolFlags: number): CgroupDef {
    return this.withBase({ mpolFlags })
  }

  /** Adds a group of workers. */
  work(spec: Parameters<typeof WorkSpec.make>[0]): CgroupDef {
    return this.with({ works: [...this.works, WorkSpec.make(spec)] })
  }

  /** Adds an external program that runs next to its workers. */
  payload(payload: Payload, options?: PayloadRunOptions): CgroupDef {
    return this.with({ payloads: [...this.payloads, Payload.spec(payload, { ...options, cgroup: this.name })] })
  }

  swappable(isSwappable: boolean): CgroupDef {
    return this.with({ isSwappable })
  }

  /** Returns its groups in order, its own first, each completed with fields of the definition. */
  get workGroups(): ReadonlyArray<WorkSpec> {
    const alone = this.works.length === 0 && this.payloads.length === 0
    const hasOwn = alone || this.base.workers !== undefined || this.base.workType !== undefined
    const { workers: _workers, workType: _workType, ...shared } = this.base
    const added = this.works.map((spec) => WorkSpec.withBase(spec, shared))
    return hasOwn ? [this.base, ...added] : added
  }

  private withBase(base: WorkSpec): CgroupDef {
    return this.with({ base: { ...this.base, ...base } })
  }

  private with(change: Partial<Fields>): CgroupDef {
    return new CgroupDef({
      name: this.name,
      controllers: this.controllers,
      cpuset: this.cpuset,
      base: this.base,
      works: this.works,
      payloads: this.payloads,
      isSwappable: this.isSwappable,
      ...change
    })
  }
}
