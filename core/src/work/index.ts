/**
 * Work types and the programs that workers run.
 *
 * @since 0.2.0
 */
export { type AffinityTarget, type SchedPolicyName, SchedPolicyNumber, WorkNode } from "./Node.ts"
export { type BoundedOptions, WorkParam, type WorkParamInfo } from "./Param.ts"
export { WorkProgram } from "./Program.ts"
export { childLists, WorkProgramError, workProgramLimits } from "./ProgramLimits.ts"
export { SchedPolicy } from "./SchedPolicy.ts"
export {
  checkWorkerCount,
  layerWorkTypes,
  makeWorkTypes,
  type WorkInstance,
  type WorkParams,
  type WorkParamValues,
  WorkType,
  WorkTypeError,
  type WorkTypeOptions,
  WorkTypeRef,
  WorkTypes
} from "./Type.ts"
