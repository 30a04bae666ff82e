/**
 * Which kernel of the cache is taken when none was named.
 *
 * @since 0.1.0
 */
import { DateTime, Order } from "effect"
import type { KernelEntry } from "./KernelCache.ts"
import { compareVersions } from "./KernelVersion.ts"

/**
 * 3: built with this ktstr's configuration fragment. 2: made by others, with sched_ext. 1: built with another fragment, with sched_ext. 0:
 * without sched_ext, fetched for a purpose of its own.
 */
const rank = ({ metadata }: KernelEntry, fragment: string | undefined): number => {
  if (metadata.schedExt !== true) return 0
  if (metadata.kconfigHash === null) return 2
  return metadata.kconfigHash === fragment ? 3 : 1
}

/**
 * Orders entries so that the one to take comes first: by what they were built with, then the newest version, then the last one built.
 * `fragment`: the hash of the configuration fragment that ktstr builds kernels with, where it is known.
 *
 * @since 0.1.0
 * @category ordering
 */
export const kernelPreference = (fragment: string | undefined): Order.Order<KernelEntry> =>
  Order.combineAll([
    Order.mapInput(Order.reverse(Order.number), (entry: KernelEntry) => rank(entry, fragment)),
    (a, b) => compareVersions(b.metadata.version, a.metadata.version),
    Order.mapInput(Order.reverse(DateTime.Order), (entry: KernelEntry) => entry.metadata.builtAt)
  ])
