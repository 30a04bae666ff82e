/**
 * Where kernels come from.
 *
 * @since 0.2.0
 */
export { type AptArchive, openAptArchive } from "./AptArchive.ts"
export { layerBuiltinKernelSources } from "./BuiltinSources.ts"
export { candidateSuites, type Distribution, detectDistribution } from "./Distribution.ts"
export { downloadImage, downloadPackage } from "./DistroPackages.ts"
export { type DistroSpec, type KernelPackage, packageRelease, parseDistroSpec, selectPackages } from "./DistroSpec.ts"
export { isEndOfLife, knownReleases } from "./EndOfLife.ts"
export { fetchGit } from "./GitSource.ts"
export { withoutCredentials } from "./GitSpec.ts"
export { fetchRelease } from "./KernelOrg.ts"
export { isInRange, type KernelOrgSpec, parseKernelOrgSpec, Release } from "./KernelOrgIndex.ts"
