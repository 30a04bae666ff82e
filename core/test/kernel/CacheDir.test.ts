import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { resolveCacheDirs } from "../../src/cache/CacheDir.ts"

const withEnvironment = (environment: Record<string, string>) =>
  resolveCacheDirs.pipe(
    Effect.provide(NodeContext.layer),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))
  )

describe("resolveCacheDirs", () => {
  it.effect("prefers KTSTR_CACHE_DIR, then XDG_CACHE_HOME, then HOME", () =>
    Effect.gen(function* () {
      const all = { KTSTR_CACHE_DIR: "/k", XDG_CACHE_HOME: "/x", HOME: "/h" }
      expect(yield* withEnvironment(all)).toEqual({ kernels: "/k", initramfs: "/k/.initramfs", images: "/k/.images" })
      expect((yield* withEnvironment({ XDG_CACHE_HOME: "/x", HOME: "/h" })).kernels).toBe("/x/ktstr/kernels")
      expect(yield* withEnvironment({ HOME: "/h" })).toEqual({
        kernels: "/h/.cache/ktstr/kernels",
        initramfs: "/h/.cache/ktstr/initramfs",
        images: "/h/.cache/ktstr/images"
      })
    })
  )

  it.effect("takes empty variables and a relative XDG_CACHE_HOME as unset", () =>
    Effect.gen(function* () {
      const found = yield* withEnvironment({ KTSTR_CACHE_DIR: "", XDG_CACHE_HOME: "cache", HOME: "/h" })
      expect(found.kernels).toBe("/h/.cache/ktstr/kernels")
      expect((yield* withEnvironment({ KTSTR_CACHE_DIR: "here" })).kernels).toBe(`${process.cwd()}/here`)
      expect((yield* withEnvironment({ XDG_CACHE_HOME: "/x" })).kernels).toBe("/x/ktstr/kernels")
    })
  )

  it.effect("says what is wrong with HOME in the words of the reference page", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(withEnvironment({}))).toMatchObject({
        _tag: "CacheError",
        message:
          "HOME is unset; cannot resolve cache directory. The container init or login shell did not assign HOME — set it to an absolute path, or set KTSTR_CACHE_DIR to an absolute path (e.g. /tmp/ktstr-cache) or XDG_CACHE_HOME to specify a cache location explicitly."
      })
      expect((yield* Effect.flip(withEnvironment({ HOME: "" }))).message).toBe(
        "HOME is set to the empty string; cannot resolve cache directory. An empty HOME usually means a Dockerfile or shell rc has `export HOME=` or `ENV HOME=` with no value. Either set HOME to a real absolute path, or set KTSTR_CACHE_DIR to an absolute path (e.g. /tmp/ktstr-cache) or XDG_CACHE_HOME to specify a cache location explicitly."
      )
      expect((yield* Effect.flip(withEnvironment({ HOME: "u/me" }))).message).toContain(
        "HOME is the relative path 'u/me'"
      )
    })
  )
})
