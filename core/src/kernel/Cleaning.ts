/**
 * Selects the entries of the kernel cache that a clean-up removes.
 *
 * @since 0.1.0
 */
import type { CacheEntry } from "./entry.ts"

/**
 * Which entries to keep.
 *
 * @since 0.1.0
 * @category models
 */
export interface CleaningOptions {
  /** How many of the newest valid entries to keep. Default 0. */
  readonly keep?: number | undefined
  /** Keep all valid entries. */
  readonly corruptOnly?: boolean | undefined
}

/**
 * Returns the entries to remove. `entries` has the newest first, as from `KernelCache.list`. Corrupt entries are always removed and do not count
 * towards `keep`.
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
