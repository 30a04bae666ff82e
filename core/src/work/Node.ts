/**
 * The primitives of work programs; docs/protocol.md has a table of what each one does.
 *
 * @since 0.1.0
 */
import { Data } from "effect"

/**
 * Scheduling policies by the kernel's numbers (include/uapi/linux/sched.h).
 *
 * @since 0.1.0
 * @category models
 */
export const SchedPolicyNumber = { Normal: 0, Fifo: 1, RoundRobin: 2, Batch: 3, Idle: 5, Ext: 7 } as const

/**
 * The name of a scheduling policy that a work program can set.
 *
 * @since 0.1.0
 * @category models
 */
export type SchedPolicyName = keyof typeof SchedPolicyNumber

/**
 * Target of `setAffinity`: one random CPU of the worker's initial mask, the initial mask, or these CPUs.
 *
 * @since 0.1.0
 * @category models
 */
export type AffinityTarget = "random" | "initial" | ReadonlyArray<number>

/**
 * A primitive or a control structure. Durations are nanoseconds, sizes bytes.
 *
 * @since 0.1.0
 * @category models
 */
export type WorkNode = Data.TaggedEnum<{
  Spin: { readonly n: number }
  Yield: {}
  Sleep: { readonly ns: number }
  Post: { readonly word: number; readonly wake: number }
  Await: { readonly word: number }
  PipeWrite: { readonly channel: number; readonly bytes: number }
  PipeRead: { readonly channel: number; readonly bytes: number }
  Walk: { readonly bytes: number; readonly stride: number; readonly passes: number }
  Matmul: { readonly n: number; readonly reps: number }
  Map: { readonly slot: number; readonly bytes: number; readonly noHugePages: boolean }
  Touch: { readonly slot: number; readonly pages: number; readonly random: boolean }
  Discard: { readonly slot: number }
  FileWrite: { readonly bytes: number; readonly block: number }
  FileRead: {
    readonly bytes: number
    readonly block: number
    readonly span: number
    readonly random: boolean
    readonly direct: boolean
  }
  FileSync: {}
  SetNice: { readonly nice: number }
  SetPolicy: { readonly policy: SchedPolicyName; readonly priority: number }
  SetAffinity: { readonly target: AffinityTarget }
  ForkExit: {}
  Lock: { readonly mutex: number }
  Unlock: { readonly mutex: number }
  Repeat: { readonly n: number; readonly body: ReadonlyArray<WorkNode> }
  ForDuration: { readonly ns: number; readonly body: ReadonlyArray<WorkNode> }
  Cycle: { readonly branches: ReadonlyArray<ReadonlyArray<WorkNode>> }
  Roles: { readonly branches: ReadonlyArray<ReadonlyArray<WorkNode>> }
  Exec: { readonly path: string; readonly argv: ReadonlyArray<string> }
}>

/**
 * Constructors and matchers by tag; `WorkProgram` has the short forms.
 *
 * @since 0.1.0
 * @category constructors
 */
export const WorkNode: Data.TaggedEnum.Constructor<WorkNode> = Data.taggedEnum<WorkNode>()

/**
 * The three lists of nodes in a work program.
 *
 * @since 0.2.0
 * @category models
 */
export interface ProgramLists {
  readonly setup: ReadonlyArray<WorkNode>
  readonly body: ReadonlyArray<WorkNode>
  readonly teardown: ReadonlyArray<WorkNode>
}
