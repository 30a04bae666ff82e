/**
 * One phase of a scenario.
 *
 * @since 0.1.0
 */
import { type CgroupDef, checkedDefs } from "./CgroupDef.ts"
import type { HoldSpec } from "./HoldSpec.ts"
import type { Op } from "./Op.ts"

/**
 * A step runs its ops, then sets up its definitions (creates and fills the cgroups, and releases all workers together), then holds. With
 * `HoldSpec.Loop` it sets up the definitions first, then repeats the ops. Whatever a step creates ends with it: its workers are stopped and
 * collected, and its cgroups removed. Put what must outlive it in the {@link Backdrop}.
 *
 * @since 0.1.0
 * @category models
 */
export class Step {
  readonly label: string | undefined
  readonly ops: ReadonlyArray<Op>
  readonly defs: ReadonlyArray<CgroupDef>
  readonly hold: HoldSpec

  private constructor(
    ops: ReadonlyArray<Op>,
    defs: ReadonlyArray<CgroupDef>,
    hold: HoldSpec,
    label: string | undefined
  ) {
    this.ops = ops
    this.defs = defs
    this.hold = hold
    this.label = label
  }

  static withDefs(defs: ReadonlyArray<CgroupDef>, hold: HoldSpec): Step {
    return new Step([], checkedDefs("Step.withDefs", defs), hold, undefined)
  }

  static new(ops: ReadonlyArray<Op>, hold: HoldSpec): Step {
    return new Step(ops, [], hold, undefined)
  }

  setOps(ops: ReadonlyArray<Op>): Step {
    return new Step(ops, this.defs, this.hold, this.label)
  }

  setDefs(defs: ReadonlyArray<CgroupDef>): Step {
    return new Step(this.ops, checkedDefs("Step.setDefs", defs), this.hold, this.label)
  }

  /** Sets the name under which the step appears in progress and on the timeline. */
  named(label: string): Step {
    return new Step(this.ops, this.defs, this.hold, label)
  }
}
