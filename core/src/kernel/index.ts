/**
 * Resolves names of kernels, as users write them, to bootable images: cache, sources, discovery, versions.
 *
 * @since 0.2.0
 */
export {
  KernelCache,
  layerKernelCache,
  lockDirectory,
  makeKernelCache,
  type StoreInput,
  toolVersion,
  validEntries
} from "./Cache.ts"
export {
  type CacheLeftover,
  type CacheLeftoversOptions,
  cleanCacheLeftovers,
  downloadDirectory
} from "./CacheLeftovers.ts"
export { type CleaningOptions, entriesToClean } from "./Cleaning.ts"
export { bootLogLevel, liveLogLevel, machineCommandLine, maxCommandLine } from "./CommandLine.ts"
export { layerKernelResolver, makeKernelResolver, resolvedEntry } from "./Discovery.ts"
export { KernelError, type KernelErrorReason } from "./Error.ts"
export type { CacheEntry, KernelEntry } from "./entry.ts"
export { describeImage } from "./File.ts"
export { fetchFrom, sourceFor } from "./guardSource.ts"
export {
  isKernelScheduler,
  type KernelSchedulerName,
  kernelScheduler,
  otherKernelScheduler
} from "./KernelScheduler.ts"
export { distinctKernels, kernelLabel, labelOf, labelWord } from "./Label.ts"
export {
  type Corruption,
  CorruptKind,
  encodeKernelMetadata,
  type FileRecord,
  KernelMetadata,
  parseKernelMetadata
} from "./Metadata.ts"
export { buildLock, type KernelObjects, listKernelObjects, objectsPrefix } from "./Objects.ts"
export { kernelPreference, schedExtAlternativeTo, versionPreference } from "./Preference.ts"
export { layerRemoteCaches, RemoteCache, RemoteCaches } from "./RemoteCache.ts"
export { RemoteCacheError, type RemoteCacheErrorReason } from "./RemoteCacheError.ts"
export { KernelResolver, type ResolvedKernel } from "./Resolver.ts"
export {
  CurrentFragment,
  type FetchOptions,
  type FetchProgress,
  KernelProgress,
  KernelSource,
  KernelSources,
  layerKernelSources
} from "./Source.ts"
export { compareVersions, isVersionPrefix } from "./Version.ts"
