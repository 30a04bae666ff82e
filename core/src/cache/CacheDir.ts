/**
 * The locations of ktstr's caches: `KTSTR_CACHE_DIR`, else `$XDG_CACHE_HOME/ktstr`, else `$HOME/.cache/ktstr`.
 *
 * @since 0.1.0
 */
import { Path } from "@effect/platform"
import { Config, type ConfigError, Effect, Option } from "effect"
import { CacheError } from "./Error.ts"

/**
 * Absolute paths of the cache directories, which need not exist yet.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheDirs {
  /** The kernel cache. */
  readonly kernels: string
  /** Initramfs bases, by content hash. */
  readonly initramfs: string
  /** ELF files unpacked from images outside the kernel cache, by the image's hash. */
  readonly images: string
}

const cure =
  "set KTSTR_CACHE_DIR to an absolute path (e.g. /tmp/ktstr-cache) or XDG_CACHE_HOME to specify a cache location explicitly."

const homeUnset = `HOME is unset; cannot resolve cache directory. The container init or login shell did not assign HOME — set it to an absolute path, or ${cure}`

const homeEmpty = `HOME is set to the empty string; cannot resolve cache directory. An empty HOME usually means a Dockerfile or shell rc has \`export HOME=\` or \`ENV HOME=\` with no value. Either set HOME to a real absolute path, or ${cure}`

const variable = (name: string): Effect.Effect<Option.Option<string>, CacheError> =>
  Config.option(Config.string(name)).pipe(
    Effect.mapError(
      (cause: ConfigError.ConfigError) => new CacheError({ message: `${name} cannot be read: ${cause}`, cause })
    )
  )

/**
 * Resolves the cache directories from the environment. An empty variable counts as unset, as does a relative `XDG_CACHE_HOME` (XDG Base Directory
 * Specification); a relative `KTSTR_CACHE_DIR` is resolved against the working directory.
 *
 * If `KTSTR_CACHE_DIR` is set, the other caches are hidden directories inside it, so that one variable moves all caches.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolveCacheDirs: Effect.Effect<CacheDirs, CacheError, Path.Path> = Effect.gen(function* () {
  const path = yield* Path.Path
  const explicit = Option.filter(yield* variable("KTSTR_CACHE_DIR"), (value) => value !== "")
  if (Option.isSome(explicit)) {
    const root = path.resolve(explicit.value)
    return { kernels: root, initramfs: path.join(root, ".initramfs"), images: path.join(root, ".images") }
  }
  const xdg = Option.filter(yield* variable("XDG_CACHE_HOME"), path.isAbsolute)
  const home = yield* variable("HOME")
  if (Option.isNone(xdg)) {
    if (Option.isNone(home)) return yield* new CacheError({ message: homeUnset })
    if (home.value === "") return yield* new CacheError({ message: homeEmpty })
    if (!path.isAbsolute(home.value)) {
      return yield* new CacheError({
        message: `HOME is the relative path '${home.value}'; cannot resolve cache directory. Set it to an absolute path, or ${cure}`
      })
    }
  }
  const base = Option.match(xdg, {
    onSome: (dir) => path.join(dir, "ktstr"),
    onNone: () =>
      path.join(
        Option.getOrElse(home, () => "/"),
        ".cache",
        "ktstr"
      )
  })
  return {
    kernels: path.join(base, "kernels"),
    initramfs: path.join(base, "initramfs"),
    images: path.join(base, "images")
  }
}).pipe(Effect.withSpan("CacheDir.resolve"))
