/**
 * Finds the agent that set-up built into this package.
 *
 * @since 0.1.0
 */
import { accessSync, constants } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { AgentBinary, AgentMissing } from "@ktstr/core/machine"
import { Effect, Layer } from "effect"

/** This package's folder, also when this module is bundled into another. */
const packageFolder = (): string => dirname(createRequire(import.meta.url).resolve("@ktstr/native/package.json"))

const find = Effect.try({
  try: () => {
    const path = join(packageFolder(), "agent/build/ktstr-agent")
    accessSync(path, constants.X_OK)
    return path
  },
  catch: () => new AgentMissing({ message: "the guest agent is not built; run: npm run setup" })
})

/**
 * @since 0.1.0
 * @category layers
 */
export const layerAgentBinary: Layer.Layer<AgentBinary> = Layer.succeed(AgentBinary, { path: find })
