/**
 * Cache directories: where they are, how they are pruned, and why one can't be used.
 *
 * @since 0.2.0
 */
export { type CacheDirs, resolveCacheDirs } from "./CacheDir.ts"
export { CacheError } from "./Error.ts"
export { pruneCache } from "./Prune.ts"
export { cacheWriteError } from "./WriteError.ts"
