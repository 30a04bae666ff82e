/**
 * Scheduling policies of workers.
 *
 * @since 0.1.0
 */
import { Data } from "effect"
import { SchedPolicyNumber } from "./Node.ts"

/**
 * A scheduling policy. Real-time priorities are 1 (lowest) to 99. `Ext` is SCHED_EXT, which behaves like `Normal` without a sched_ext scheduler.
 *
 * @since 0.1.0
 * @category models
 */
export type SchedPolicy = Data.TaggedEnum<{
  Normal: {}
  Batch: {}
  Idle: {}
  Fifo: { readonly priority: number }
  RoundRobin: { readonly priority: number }
  Ext: {}
}>

const make = Data.taggedEnum<SchedPolicy>()

/**
 * Constructors of policies, and functions on them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const SchedPolicy: {
  readonly Normal: SchedPolicy
  readonly Batch: SchedPolicy
  readonly Idle: SchedPolicy
  readonly Ext: SchedPolicy
  readonly Fifo: (priority: number) => SchedPolicy
  readonly RoundRobin: (priority: number) => SchedPolicy
  /** Returns the kernel's number of the policy. */
  readonly number: (policy: SchedPolicy) => number
  /** Returns the priority; 0 for policies without one. */
  readonly priority: (policy: SchedPolicy) => number
  /** Returns what is wrong with the policy; undefined if nothing is. */
  readonly problem: (policy: SchedPolicy) => string | undefined
} = {
  Normal: make.Normal(),
  Batch: make.Batch(),
  Idle: make.Idle(),
  Ext: make.Ext(),
  Fifo: (priority) => make.Fifo({ priority }),
  RoundRobin: (priority) => make.RoundRobin({ priority }),
  number: (policy) => SchedPolicyNumber[policy._tag],
  priority: (policy) => ("priority" in policy ? policy.priority : 0),
  problem: (policy) => {
    if (!("priority" in policy)) return undefined
    return Number.isInteger(policy.priority) && policy.priority >= 1 && policy.priority <= 99
      ? undefined
      : `${policy._tag} priority is ${policy.priority}; it must be a whole number from 1 to 99`
  }
}
