export {
  type BuildBase,
  type BuildOptions,
  type BuiltKernel,
  buildKernel,
  type FragmentPart,
  isTarballName,
  kernelFragment,
  kernelFragmentHash,
  kernelFragmentText,
  layerBuiltinRemoteCaches,
  layerCurrentFragment
} from "./build/index.ts"
export { layerKernelCodecs, lz4Codec, xzCodec, zstdCodec } from "./codec/index.ts"
export { DownloadError, layerHttp } from "./http/index.ts"
export { makeGitHubCache, makeS3Cache } from "./remote/index.ts"
export {
  type AptArchive,
  candidateSuites,
  type Distribution,
  type DistroSpec,
  detectDistribution,
  downloadImage,
  downloadPackage,
  fetchGit,
  fetchRelease,
  isEndOfLife,
  isInRange,
  type KernelOrgSpec,
  type KernelPackage,
  knownReleases,
  layerBuiltinKernelSources,
  openAptArchive,
  packageRelease,
  parseDistroSpec,
  parseKernelOrgSpec,
  Release,
  selectPackages,
  withoutCredentials
} from "./sources/index.ts"
