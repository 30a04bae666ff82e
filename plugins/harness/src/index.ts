/**
 * Composes everything that a run needs: the layers behind the command, `ktstrTest` and scripts, the choice of backend, and the user's `ktstr.config.ts`.
 *
 * @since 0.2.0
 */
export { layerBuiltinBackends } from "./Backend.ts"
export {
  type HarnessOptions,
  type HarnessServices,
  layerHarness,
  layerKernels,
  resolveKernels
} from "./Layers.ts"
export { layerPlatform, type Platform } from "./Platform.ts"
export { layerLocalKernels, layerRegistries, type RegistryError } from "./Registries.ts"
export { checkSyntax } from "./TypeScriptImport.ts"
export {
  ConfigFileError,
  defineConfig,
  loadPlugins,
  type Plugin,
  type PluginServices,
  type Registries,
  type UserConfig
} from "./UserConfig.ts"
