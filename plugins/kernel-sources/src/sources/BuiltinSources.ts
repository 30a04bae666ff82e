/**
 * The kernel sources of this package.
 *
 * @since 0.2.0
 */
import { makeDistroPackages } from "./DistroPackages.ts"
import { makeGitSource } from "./GitSource.ts"
import { makeKernelOrg } from "./KernelOrg.ts"
import { makePathSource } from "./PathSource.ts"
import { registeringSources } from "./SourceLayer.ts"

/**
 * Registers all sources of this package. The first one answers when no kernel is named.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerBuiltinKernelSources = registeringSources([
  makeDistroPackages,
  makeKernelOrg,
  makeGitSource,
  makePathSource
])
