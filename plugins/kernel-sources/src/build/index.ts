/**
 * Builds kernels from source, and keeps their objects.
 *
 * @since 0.2.0
 */
export { builtOr, layerBuiltinRemoteCaches, type WantedKernel } from "./BuiltKernels.ts"
export { type BuildOptions, type BuiltKernel, buildKernel } from "./KernelBuild.ts"
export {
  type BuildBase,
  type FragmentPart,
  kernelFragment,
  kernelFragmentHash,
  kernelFragmentText,
  layerCurrentFragment
} from "./KernelFragment.ts"
export { type Report, reportTo } from "./Report.ts"
export { runTool, type ToolOptions } from "./RunTool.ts"
export { isTarballName } from "./SourceTree.ts"
export { checkBuildTools } from "./Tools.ts"
