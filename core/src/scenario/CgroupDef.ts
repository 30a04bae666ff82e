/**
 * A cgroup with its cpuset and workers, as a value.
 *
 * @since 0.1.0
 */

import { Payload, type PayloadRunOptions, type PayloadSpec } from "../payload/index.ts"
import type { AffinityKind, CpusetSpec, MemPolicy } from "../topology/index.ts"
import type { SchedPolicy, WorkTypeRef } from "../work/index.ts"
import { WorkSpec } from "./WorkSpec.ts"

/**
 * Controllers of cgroup v2 that ktstr switches on.
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
 * What a cgroup gets when nothing else is said.
 *
 * @since 0.1.0
 * @category constants
 */
export const allControllers: ReadonlyArray<CgroupController> = ["cpuset", "cpu"]

/**
 * Immutable: every method gives a new definition. Without more it is one group of the context's `workersPerCgroup` SpinWait
 * workers and no cpuset of its own. A nested name (`a/b`) makes nested cgroups.
 *
 * Each `work(spec)` adds a group; groups take what they leave unset (affinity, policy, …) from the definition. Once there is
 * a `work` or a `payload`, the definition has a group of its own only if `workers` or `workType` was called.
 *
 * @since 0.1.0
 * @category models
 */
export class CgroupDef {
  readonly name: string
  /** Enabled for it and, where they do not exist yet, for those above it. Default: both. */
  readonly controllers: ReadonlyArray<CgroupController>
  readonly cpuset: CpusetSpec | undefined
  /** Whether a work-type override replaces its work types. */
  readonly isSwappable: boolean
  private readonly base: WorkSpec
  private readonly works: ReadonlyArray<WorkSpec>
  /** Started in it once its workers run, and ended with it. */
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
   * Without `cpu` its workers compete one by one with those of its siblings, as long as nothing else enables the controller
   * above them; without `cpuset` it can have no cpuset of its own.
   */
  withControllers(controllers: ReadonlyArray<CgroupController>): CgroupDef {
    return this.with({ controllers })
  }

  /** Workers of its own group. */
  workers(count: number): CgroupDef {
    return this.withBase({ workers: count })
  }

  /** Work type of its own group, by name or reference. */
  workType(type: WorkTypeRef | string): CgroupDef {
    return this.withBase(WorkSpec.make({ workType: type }))
  }

  withCpuset(cpuset: CpusetSpec): CgroupDef {
    return this.with({ cpuset })
  }

  schedPolicy(schedPolicy: SchedPolicy): CgroupDef {
    return this.withBase({ schedPolicy })
  }

  /** −20 (most CPU) to 19. */
  nice(nice: number): CgroupDef {
    return this.withBase({ nice })
  }

  affinity(affinity: AffinityKind): CgroupDef {
    return this.withBase({ affinity })
  }

  memPolicy(memPolicy: MemPolicy): CgroupDef {
    return this.withBase({ memPolicy })
  }

  /** `MpolFlags` combined with `|`. */
  mpolFlags(mpolFlags: number): CgroupDef {
    return this.withBase({ mpolFlags })
  }

  /** One more group of workers. */
  work(spec: Parameters<typeof WorkSpec.make>[0]): CgroupDef {
    return this.with({ works: [...this.works, WorkSpec.make(spec)] })
  }

  /** One more external program beside its workers. */
  payload(payload: Payload, options?: PayloadRunOptions): CgroupDef {
    return this.with({ payloads: [...this.payloads, Payload.spec(payload, { ...options, cgroup: this.name })] })
  }

  swappable(isSwappable: boolean): CgroupDef {
    return this.with({ isSwappable })
  }

  /** Its groups in order, its own first; each with what it takes from the definition. */
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
