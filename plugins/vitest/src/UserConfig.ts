/**
 * `ktstr.config.ts`, `.mjs` or `.js` in the working directory: the user's plugins.
 *
 * @since 0.1.0
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import {
  ExitCode,
  type OutputFormats,
  oneLine,
  type Reporters,
  type Scenarios,
  type Schedulers,
  type WorkTypes
} from "@ktstr/core"
import { Data, Effect, Layer } from "effect"
import { importTypeScript } from "./TypeScriptImport.ts"

/**
 * A layer that registers something: `WorkType.plugin({…})`, `OutputFormat.plugin({…})`, `registerScenarios([…])`, `registerSchedulers([…])`, `Reporter.plugin({…})`.
 *
 * @since 0.1.0
 * @category models
 */
export type Plugin = Layer.Layer<
  never,
  { readonly message: string },
  WorkTypes | OutputFormats | Scenarios | Schedulers | Reporters
>

/**
 * What the file exports by default.
 *
 * @since 0.1.0
 * @category models
 */
export interface UserConfig {
  readonly plugins?: ReadonlyArray<Plugin>
}

/**
 * The file is there and can't be used; the message names it.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConfigFileError extends Data.TaggedError("ConfigFileError")<{ readonly message: string }> {
  readonly exitCode = ExitCode.usage
}

/**
 * Types a configuration.
 *
 * @since 0.1.0
 * @category constructors
 */
export const defineConfig = (config: UserConfig): UserConfig => config

const names = ["ktstr.config.ts", "ktstr.config.mjs", "ktstr.config.js"] as const

const messageOf = (cause: unknown): string => oneLine(cause instanceof Error ? cause.message : String(cause))

const pluginsOf = (file: string, module: unknown): Effect.Effect<ReadonlyArray<Plugin>, ConfigFileError> => {
  const bad = (what: string) => Effect.fail(new ConfigFileError({ message: `${file}: ${what}` }))
  const config: unknown =
    typeof module === "object" && module !== null && "default" in module ? module.default : undefined
  if (typeof config !== "object" || config === null) {
    return bad("it must export by default an object like { plugins: [WorkType.plugin({…})] }")
  }
  const plugins: unknown = "plugins" in config ? (config.plugins ?? []) : []
  if (!Array.isArray(plugins)) return bad("plugins must be a list of layers")
  const odd = plugins.findIndex((plugin) => !Layer.isLayer(plugin))
  if (odd >= 0) return bad(`plugins[${odd}] is no layer; WorkType.plugin({…}) and Reporter.plugin({…}) make them`)
  return Effect.succeed(plugins)
}

/**
 * The plugins of the configuration in `directory`; none when there is no such file.
 *
 * @since 0.1.0
 * @category constructors
 */
export const loadPlugins = Effect.fn("UserConfig.load")(function* (directory: string) {
  const file = names.map((name) => join(directory, name)).find((path) => existsSync(path))
  if (file === undefined) return []
  const failed = (cause: unknown) => new ConfigFileError({ message: `${file}: ${messageOf(cause)}` })
  const module = yield* file.endsWith(".ts")
    ? importTypeScript(file, failed)
    : Effect.tryPromise({
        try: (): Promise<unknown> => import(/* @vite-ignore */ pathToFileURL(file).href),
        catch: failed
      })
  return yield* pluginsOf(file, module)
})
