/**
 * Which entries of the kernel cache a cleaning takes.
 *
 * @since 0.1.0
 */
import type { CacheEntry } from "./entry.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface CleaningOptions {
  /** How many of the newest valid entries stay. Default 0. */
  readonly keep?: number | undefined
  /** All valid entries stay. */
  readonly corruptOnly?: boolean | undefined
}

/**
 * The entries to remove, of a list that has the newest first as `KernelCache.list` gives it. A corrupt one is always removed and never takes
 * the place of one to keep.
 *
 * @since 0.1.0
 * @category accessors
 */
export const entriesToClean = (
  entries: ReadonlyArray<CacheEntry>,
  options: CleaningOptions
): ReadonlyArray<CacheEntry> => {
  const valid = entries.filter(({ _tag }) => _tag === "Valid")
  const kept = new Set(options.corruptOnly === true ? valid : valid.slice(0, options.keep ?? 0))
  return entries.filter((entry) => !kept.has(entry))
}
