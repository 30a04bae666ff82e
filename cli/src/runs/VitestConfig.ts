/**
 * Says in one line what the user's configuration of vitest did wrong: Vite prints it first, and names its own temporary copy of the file.
 *
 * @since 0.2.0
 */
import { basename } from "node:path"
import { ExitCode } from "@ktstr/core"
import { describeFault, faultPlace, faultText, oneLine } from "@ktstr/core/base"
import { checkSyntax } from "@ktstr/harness"
import { Data, Effect } from "effect"
import type { ViteUserConfig } from "vitest/config"
import type { Vitest } from "vitest/node"

/**
 * Says that vitest can't start or continue: its configuration throws, or a reporter or set-up file doesn't load.
 *
 * @since 0.2.0
 * @category errors
 */
export class VitestFailed extends Data.TaggedError("VitestFailed")<{ readonly message: string }> {
  readonly exitCode = ExitCode.usage
}

/**
 * Makes the error of what vitest, or code that it runs, threw.
 *
 * @since 0.2.0
 * @category constructors
 */
export const vitestFailed = (error: unknown) => new VitestFailed({ message: `vitest: ${describeFault(error)}` })

/**
 * Vite's options while the configuration loads. vitest has a logger of its own afterwards.
 *
 * @since 0.2.0
 * @category models
 */
export type WithLogger = Pick<ViteUserConfig, "customLogger">

/** Vite puts declarations before the first line of each file, so columns of that line are wrong. */
const trueColumns = (place: string): string => place.replace(/:1:\d+$/, ":1")

/** Names the user's file where a text names Vite's copy of it. */
const withoutCopy = (config: string, text: string): string => {
  const name = basename(config).replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
  return text.replace(new RegExp(`(?:file://)?/[^'"]*?${name}\\.timestamp-\\d+-[0-9a-f]+\\.mjs`, "g"), () => config)
}

/** Describes what the code of a configuration threw: with the place in the file itself if it is known, else with the file and that place. */
const configFailed = (config: string, thrown: unknown): VitestFailed => {
  const text = withoutCopy(config, faultText(thrown))
  const known = faultPlace(thrown)
  const place = known === undefined ? undefined : trueColumns(withoutCopy(config, known))
  if (place?.startsWith(`${config}:`) === true) return new VitestFailed({ message: `${place}: ${text}` })
  return new VitestFailed({ message: `${config}: ${text}${place === undefined ? "" : ` (${place})`}` })
}

/** Describes the first error that esbuild found. */
const unparsed = (config: string, thrown: unknown): VitestFailed => {
  const text = thrown instanceof Error ? oneLine(thrown.message) : faultText(thrown)
  return new VitestFailed({ message: `${config}: ${text.replace(/^Build failed with \d+ errors?: /, "")}` })
}

/** Maps places in Vite's copies to the user's files while `create` runs. */
const withSourceMaps = async <A>(create: () => Promise<A>): Promise<A> => {
  const before = (process as { readonly sourceMapsEnabled?: boolean }).sourceMapsEnabled ?? false
  process.setSourceMapsEnabled(true)
  try {
    return await create()
  } catch (error) {
    // A stack is formatted when it is first read.
    if (error instanceof Error) void error.stack
    throw error
  } finally {
    process.setSourceMapsEnabled(before)
  }
}

/**
 * Creates a vitest whose configuration, an absolute path, is the user's; undefined if none is loaded. Nothing is printed if that fails: the error names
 * the file, the place and what it threw.
 *
 * @since 0.2.0
 * @category constructors
 */
export const createWithConfig = (
  create: (vite: WithLogger) => Promise<Vitest>,
  config: string | undefined
): Effect.Effect<Vitest, VitestFailed> => {
  if (config === undefined) return Effect.tryPromise({ try: () => create({}), catch: vitestFailed })
  const silent = () => undefined
  let loaded = true
  const customLogger = {
    hasWarned: false,
    info: silent,
    warn: silent,
    warnOnce: silent,
    // Vite logs errors here only if the file can't be loaded.
    error: () => {
      loaded = false
    },
    clearScreen: silent,
    hasErrorLogged: () => false
  }
  return checkSyntax(config, (thrown) => unparsed(config, thrown)).pipe(
    Effect.zipRight(
      Effect.tryPromise({
        try: () => withSourceMaps(() => create({ customLogger })),
        catch: (thrown) => (loaded ? vitestFailed(thrown) : configFailed(config, thrown))
      })
    )
  )
}
