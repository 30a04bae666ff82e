/**
 * Which kernel of the cache is taken when none was named, or several are what was named.
 *
 * @since 0.1.0
 */
import { DateTime, Order } from "effect"
import type { KernelEntry } from "./entry.ts"
import { compareVersions } from "./Version.ts"

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

/** `6.12.117` of `6.12.117+deb12-amd64`: what kernels have in common that were made of one source. */
const upstream = ({ metadata }: KernelEntry): string => /^\d+(\.\d+)*(-rc\d+)?/.exec(metadata.version)?.[0] ?? ""

/**
 * Orders the entries that `--kernel VERSION` fits: the one of exactly that release, then the newest version; of several that were made of
 * one version those with sched_ext, the one built with the current fragment first.
 *
 * @since 0.1.0
 * @category ordering
 */
export const versionPreference = (text: string, fragment: string | undefined): Order.Order<KernelEntry> =>
  Order.combineAll([
    Order.mapInput(Order.reverse(Order.boolean), ({ metadata }: KernelEntry) => metadata.version === text),
    (a, b) => compareVersions(upstream(b), upstream(a)),
    kernelPreference(fragment)
  ])

/**
 * The key of the entry with sched_ext to take in place of one without: of the same version if there is one; undefined when there is none.
 *
 * @since 0.1.0
 * @category accessors
 */
export const ableInstead = (
  entry: KernelEntry,
  entries: ReadonlyArray<KernelEntry>,
  fragment: string | undefined
): string | undefined =>
  entries
    .filter(({ metadata }) => metadata.schedExt === true)
    .sort(
      Order.combine(
        Order.mapInput(Order.reverse(Order.boolean), (other: KernelEntry) => upstream(other) === upstream(entry)),
        kernelPreference(fragment)
      )
    )[0]?.key
