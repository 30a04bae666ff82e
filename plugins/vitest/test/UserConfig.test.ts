import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { loadPlugins } from "../src/UserConfig.ts"

const inDirectory = <A, E>(
  files: Readonly<Record<string, string>>,
  use: (directory: string) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const directory = mkdtempSync(join(tmpdir(), "ktstr-config-"))
      symlinkSync(fileURLToPath(new URL("../../../node_modules", import.meta.url)), join(directory, "node_modules"))
      for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
      return directory
    }),
    use,
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
  )

const layer = "Layer.effectDiscard(Effect.sync(() => { globalThis.ktstrConfigRan = true }))"

const refused = (files: Readonly<Record<string, string>>) =>
  Effect.map(
    inDirectory(files, (directory) => Effect.flip(loadPlugins(directory))),
    ({ message }) => {
      expect(message).not.toContain("\n")
      return message
    }
  )

describe("loadPlugins", () => {
  it.effect("finds none where there is no file", () =>
    Effect.gen(function* () {
      expect(yield* inDirectory({}, loadPlugins)).toEqual([])
    })
  )

  it.live("reads TypeScript with its own imports, and leaves no file behind", () =>
    Effect.gen(function* () {
      const text = `import { Effect, Layer } from "effect"\nconst plugins: ReadonlyArray<unknown> = [${layer}]\nexport default { plugins }\n`
      const files = { "ktstr.config.ts": text.replace("globalThis", "(globalThis as any)") }
      const [plugins, names] = yield* inDirectory(files, (directory) =>
        Effect.map(loadPlugins(directory), (plugins) => [plugins, readdirSync(directory).sort()] as const)
      )
      expect(names).toEqual(["ktstr.config.ts", "node_modules"])
      expect(plugins).toHaveLength(1)
      yield* Effect.scoped(Layer.build(plugins[0] as unknown as Layer.Layer<never>))
      expect(globalThis).toHaveProperty("ktstrConfigRan", true)
    })
  )

  it.live("reads JavaScript", () =>
    Effect.gen(function* () {
      const text = `import { Effect, Layer } from "effect"\nexport default { plugins: [${layer}] }\n`
      expect(yield* inDirectory({ "ktstr.config.mjs": text }, loadPlugins)).toHaveLength(1)
      expect(yield* inDirectory({ "ktstr.config.mjs": "export default {}" }, loadPlugins)).toEqual([])
    })
  )

  it.live("says what is wrong with a file", () =>
    Effect.gen(function* () {
      expect(yield* refused({ "ktstr.config.mjs": "export const a = 1" })).toMatch(
        /ktstr\.config\.mjs: it must export by default/
      )
      expect(yield* refused({ "ktstr.config.mjs": "export default { plugins: 3 }" })).toMatch(/plugins must be a list/)
      expect(yield* refused({ "ktstr.config.mjs": "export default { plugins: [3] }" })).toMatch(
        /plugins\[0\] is no layer/
      )
      expect(yield* refused({ "ktstr.config.mjs": "throw new Error('boom')" })).toMatch(/ktstr\.config\.mjs: boom/)
      expect(yield* refused({ "ktstr.config.ts": "export default {" })).toMatch(/ktstr\.config\.ts: .*/)
    })
  )
})
