/**
 * What exists during all steps of a scenario.
 *
 * @since 0.1.0
 */
import { type CgroupDef, checkedDefs } from "./CgroupDef.ts"
import type { Op } from "./Op.ts"

/**
 * Ops and cgroups that are set up before the first step (ops first, then definitions), and stopped and collected after the last.
 *
 * @since 0.1.0
 * @category models
 */
export class Backdrop {
  readonly ops: ReadonlyArray<Op>
  readonly defs: ReadonlyArray<CgroupDef>

  private constructor(ops: ReadonlyArray<Op>, defs: ReadonlyArray<CgroupDef>) {
    this.ops = ops
    this.defs = defs
  }

  static readonly empty: Backdrop = new Backdrop([], [])

  static withDefs(defs: ReadonlyArray<CgroupDef>): Backdrop {
    return new Backdrop([], checkedDefs("Backdrop.withDefs", defs))
  }

  setOps(ops: ReadonlyArray<Op>): Backdrop {
    return new Backdrop(ops, this.defs)
  }
}
