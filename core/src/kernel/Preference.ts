/**
 * Chooses a kernel from the cache if none was named, or if several match the name.
 *
 * @since 0.1.0
 */
import { DateTime, Order } from "effect"
import type { KernelEntry } from "./entry.ts"
import { compareVersions } from "./Version.ts"

/**
 * Ranks an entry. 3: built with this ktstr's configuration fragment. 2: built by others, with sched_ext. 1: built with another fragment, with
 * sched_ext. 0: without sched_ext, so fetched for a special purpose.
 */
const rank = ({ metadata }: KernelEntry, fragment: string | undefined): number => {
  if (metadata.schedExt !== true) return 0
  if (metadata.kconfigHash === null) return 2
  return metadata.kconfigHash === fragment ? 3 : 1
}

/**
 * Orders entries by preference: by how they were built, then by newest version, then by latest build. `fragment` is the hash of the configuration
 * fragment with which ktstr builds kernels, if known.
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

/** Returns the upstream version, e.g. `6.12.117` of `6.12.117+deb12-amd64`, which is the same for all kernels built from one source. */
const upstream = ({ metadata }: KernelEntry): string => /^\d+(\.\d+)*(-rc\d+)?/.exec(metadata.version)?.[0] ?? ""

/**
 * Orders the entries that match `--kernel VERSION`: first the exact release, then the newest version. Among kernels of one version, those with
 * sched_ext come first, led by the one built with the current fragment.
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
 * Returns the key of an entry with sched_ext to use instead of one without, of the same version if possible; undefined if there is none.
 *
 * @since 0.1.0
 * @category accessors
 */
export const schedExtAlternativeTo = (
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
