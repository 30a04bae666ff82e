/**
 * The catalog: scenarios by category, for common faults of schedulers.
 *
 * @since 0.1.0
 */

import { registerScenarios, type Scenario, type Scenarios } from "@ktstr/core"
import type { RegisterError } from "@ktstr/core/base"
import type { Layer } from "effect"
import { affinity } from "./AffinityMasks.ts"
import { basic } from "./Basic.ts"
import { cpuset } from "./Cpuset.ts"
import { dynamic } from "./Dynamic.ts"
import { interaction } from "./Interaction.ts"
import { nested } from "./Nested.ts"
import { performance } from "./Performance.ts"
import { stress } from "./Stress.ts"

export { affinity, basic, cpuset, dynamic, interaction, nested, performance, stress }

/**
 * All entries in their listed order; a name begins with its category.
 *
 * @since 0.1.0
 * @category scenarios
 */
export const catalog: ReadonlyArray<Scenario> = [
  ...basic,
  ...cpuset,
  ...dynamic,
  ...affinity,
  ...interaction,
  ...nested,
  ...performance,
  ...stress
]

/**
 * Registers all entries in a registry: `Layer.provideMerge(layerCatalog, layerScenarios)`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerCatalog: Layer.Layer<never, RegisterError, Scenarios> = registerScenarios(catalog)
