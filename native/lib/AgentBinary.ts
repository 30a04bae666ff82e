/**
 * Finds the binaries that set-up built into this package for machines: the guest's agent and the emulator's plugin.
 *
 * @since 0.1.0
 */
import { accessSync, constants, existsSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { AgentBinary, AgentMissing } from "@ktstr/core/machine"
import { Effect, Layer } from "effect"

/** Returns this package's folder, even if this module is bundled into another package. */
const packageFolder = (): string => dirname(createRequire(import.meta.url).resolve("@ktstr/native/package.json"))

/**
 * Returns the path of ktstr's plugin for qemu, which keeps the host's timing out of a machine with a counted clock and can
 * fork it; undefined if set-up did not build it.
 *
 * @since 0.2.0
 * @category accessors
 */
export const qemuPlugin = (): string | undefined => {
  const path = join(packageFolder(), "plugin/build/ktstr-plugin.so")
  return existsSync(path) ? path : undefined
}

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
