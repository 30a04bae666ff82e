/**
 * Schedulers by name: the kernel's own, and the examples of its source tree.
 *
 * @since 0.1.0
 */

import { registerSchedulers, Scheduler, SchedulerBinary } from "@ktstr/core"
import type { RegisterError } from "@ktstr/core/base"
import type { Schedulers } from "@ktstr/core/scheduler"
import type { Layer } from "effect"

const discovered = (name: string) => ({ binary: SchedulerBinary.Discover(name) })

/**
 * One queue for all CPUs, ordered by weighted virtual time or by arrival (tools/sched_ext/scx_simple.c).
 *
 * @since 0.1.0
 * @category schedulers
 */
export const scxSimple: Scheduler<"fifo"> = Scheduler.make("scx_simple", {
  ...discovered("scx_simple"),
  flags: { fifo: { args: ["-f"] } }
})

/**
 * Five queues by weight (tools/sched_ext/scx_qmap.c). `partial`: only tasks that ask for SCHED_EXT; `print`: what is in the queues, every second.
 *
 * @since 0.1.0
 * @category schedulers
 */
export const scxQmap: Scheduler<"partial" | "print"> = Scheduler.make("scx_qmap", {
  ...discovered("scx_qmap"),
  flags: { partial: { args: ["-p"] }, print: { args: ["-P"] } }
})

/**
 * One CPU decides for all (tools/sched_ext/scx_central.c).
 *
 * @since 0.1.0
 * @category schedulers
 */
export const scxCentral: Scheduler = Scheduler.make("scx_central", discovered("scx_central"))

/**
 * The cgroup hierarchy flattened to one level by weight (tools/sched_ext/scx_flatcg.c).
 *
 * @since 0.1.0
 * @category schedulers
 */
export const scxFlatcg: Scheduler<"fifo"> = Scheduler.make("scx_flatcg", {
  ...discovered("scx_flatcg"),
  flags: { fifo: { args: ["-f"] } }
})

/**
 * All of this package, `eevdf` first.
 *
 * @since 0.1.0
 * @category schedulers
 */
export const builtinSchedulers: ReadonlyArray<Scheduler> = [Scheduler.eevdf, scxSimple, scxQmap, scxCentral, scxFlatcg]

/**
 * @since 0.1.0
 * @category layers
 */
export const layerBuiltinSchedulers: Layer.Layer<never, RegisterError, Schedulers> =
  registerSchedulers(builtinSchedulers)
