/**
 * Runs scenarios that are programs over the live channel.
 *
 * @since 0.2.0
 */
export { type LiveScenario, type LiveScenarioOptions, layerLiveScenario, makeLiveScenario } from "./LiveScenario.ts"
