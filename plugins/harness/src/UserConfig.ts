/**
 * `ktstr.config.ts`, `.mjs` or `.js` in the working directory: the user's plugins.
 *
 * @since 0.1.0
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import { pathToFileURL } from "node:url"
import { ExitCode, type Scenarios } from "@ktstr/core"
import { didYouMean, faultPlace, faultText, oneLine } from "@ktstr/core/base"
import type { KernelCache, KernelSources, RemoteCaches } from "@ktstr/core/kernel"
import type { Backends } from "@ktstr/core/machine"
import type { OutputFormats } from "@ktstr/core/payload"
import type { Reporters } from "@ktstr/core/report"
import type { Schedulers } from "@ktstr/core/scheduler"
import type { WorkTypes } from "@ktstr/core/work"
import { Cause, Data, Effect, Layer } from "effect"
import type { Platform } from "./Platform.ts"
import { importTypeScript } from "./TypeScriptImport.ts"

/**
 * A layer that registers something: `WorkType.plugin({…})`, `OutputFormat.plugin({…})`, `registerScenarios([…])`, `registerSchedulers([…])`,
 * `Reporter.plugin({…})`, `KernelSource.plugin({…})`, `RemoteCache.plugin({…})`, `Backend.plugin({…})`.
 *
 * @since 0.1.0
 * @category models
 */
export type Plugin = Layer.Layer<never, { readonly message: string }, PluginServices>

/**
 * What a plugin registers in.
 *
 * @since 0.2.0
 * @category models
 */
export type Registries =
  | WorkTypes
  | OutputFormats
  | Scenarios
  | Schedulers
  | Reporters
  | KernelSources
  | RemoteCaches
  | Backends

/**
 * What a plugin may use: the registries, the kernel cache, in which kernel sources store what they fetch, and this machine's files and processes.
 *
 * @since 0.2.0
 * @category models
 */
export type PluginServices = Registries | KernelCache | Platform

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
 * The file exists but can't be used; the message names it.
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

/** All keys of a configuration. */
const keys: ReadonlyArray<keyof UserConfig> = ["plugins"]

/** Maximum time for the file to load and for a plugin to register. Without a limit, ktstr would wait silently for a promise that never settles. */
const longest = "60 seconds"

/** Describes what `whose` code did wrong, with its place in the file if it has one. */
const faultOf = (file: string, whose: string, thrown: unknown): ConfigFileError => {
  const place = faultPlace(thrown)
  const multiLine = thrown instanceof Error && thrown.message.includes("\n")
  const text = `${whose}${multiLine ? oneLine(thrown.message) : faultText(thrown)}`
  if (place?.startsWith(`${file}:`) === true) return new ConfigFileError({ message: `${place}: ${text}` })
  return new ConfigFileError({ message: `${file}: ${text}${place === undefined ? "" : ` (${place})`}` })
}

const pluginsOf = (file: string, module: unknown): ReadonlyArray<Plugin> => {
  const bad = (what: string) => new ConfigFileError({ message: `${file}: ${what}` })
  const config: unknown =
    typeof module === "object" && module !== null && "default" in module ? module.default : undefined
  if (typeof config !== "object" || config === null) {
    throw bad("it must export by default an object like { plugins: [WorkType.plugin({…})] }")
  }
  const unknown = Object.keys(config).find((key) => !keys.some((known) => known === key))
  if (unknown !== undefined) {
    const near = didYouMean(unknown, keys)
    throw bad(
      `unknown key '${unknown}'${near === undefined ? `; a configuration has: ${keys.join(", ")}` : `; did you mean '${near}'?`}`
    )
  }
  const plugins: unknown = "plugins" in config ? (config.plugins ?? []) : []
  if (!Array.isArray(plugins)) throw bad("plugins must be a list of layers")
  const odd = plugins.findIndex((plugin) => !Layer.isLayer(plugin))
  if (odd >= 0) throw bad(`plugins[${odd}] is no layer; WorkType.plugin({…}) and Reporter.plugin({…}) make them`)
  return plugins
}

/**
 * Contains a plugin: an exception, an interruption of itself and a timeout become errors of the plugin, reported with its place in the list.
 *
 * @since 0.2.0
 * @category combinators
 */
export const contained = (
  plugin: Plugin,
  index: number,
  file = "ktstr.config"
): Layer.Layer<never, ConfigFileError, PluginServices> => {
  const failed = (what: string) => new ConfigFileError({ message: `${file}: plugins[${index}]: ${what}` })
  return Layer.scopedContext(
    Effect.flatMap(Effect.all([Effect.scope, Layer.CurrentMemoMap]), ([scope, memo]) =>
      Layer.buildWithMemoMap(plugin, memo, scope)
    ).pipe(
      Effect.disconnect,
      Effect.timeoutFail({ duration: longest, onTimeout: () => failed(`has not ended after ${longest}`) }),
      // An interruption from outside does not arrive here.
      Effect.catchAllCause((cause) => {
        if (Cause.isInterruptedOnly(cause)) return failed("interrupts itself")
        const error = Cause.squash(cause)
        return error instanceof ConfigFileError ? error : faultOf(file, `plugins[${index}]: `, error)
      })
    )
  )
}

/**
 * Returns the plugins of the configuration in `directory`, each contained; none if there is no such file.
 *
 * @since 0.1.0
 * @category constructors
 */
export const loadPlugins = Effect.fn("UserConfig.load")(function* (directory: string) {
  const file = names.map((name) => join(directory, name)).find((path) => existsSync(path))
  if (file === undefined) return []
  const failed = (cause: unknown) => faultOf(file, "", cause)
  const module = yield* (
    file.endsWith(".ts")
      ? importTypeScript(file, failed)
      : Effect.tryPromise({
          try: (): Promise<unknown> => import(/* @vite-ignore */ pathToFileURL(file).href),
          catch: failed
        })
  ).pipe(
    Effect.timeoutFail({
      duration: longest,
      onTimeout: () => new ConfigFileError({ message: `${file}: has not loaded after ${longest}` })
    })
  )
  // Node reports an unhandled rejection when the event loop turns; waiting for that ends the command before it has begun.
  yield* Effect.promise(() => setImmediate())
  // Its keys may be getters.
  const plugins = yield* Effect.try({
    try: () => pluginsOf(file, module),
    catch: (thrown) => (thrown instanceof ConfigFileError ? thrown : failed(thrown))
  })
  return plugins.map((plugin, index) => contained(plugin, index, file))
})
