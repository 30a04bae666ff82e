import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { layerRemoteCaches, RemoteCache, RemoteCaches } from "../../src/kernel/RemoteCache.ts"
import { RemoteCacheError } from "../../src/kernel/RemoteCacheError.ts"

/** The cache as it is after it was registered. */
const registered = (cache: RemoteCache) =>
  Effect.map(
    Effect.flatMap(RemoteCaches, ({ list }) => list),
    ([first]) => first as RemoteCache
  ).pipe(Effect.provide(Layer.provideMerge(RemoteCache.plugin(cache), layerRemoteCaches)))

const untyped = (value: unknown) => value as never

const quiet: RemoteCache = { name: "shelf", get: () => Effect.succeedNone, put: () => Effect.void }

describe("a remote cache of a third party", () => {
  it.effect.each<readonly [how: string, get: RemoteCache["get"]]>([
    [
      "an Error was thrown: boom",
      () => {
        throw new Error("boom")
      }
    ],
    ["boom", () => Effect.die(new Error("boom"))],
    ["boom", () => Effect.fail(untyped(new Error("boom")))],
    ["it returned", () => untyped(7)],
    ["it returned no Option of a Uint8Array", () => Effect.succeed(untyped("bytes"))],
    ["it returned no Option of a Uint8Array", () => Effect.succeed(Option.some(untyped("bytes")))]
  ])("fails as one of ours does, by its name, and is not asked again: %s", ([how, get]) =>
    Effect.gen(function* () {
      let asked = 0
      const cache = yield* registered({
        ...quiet,
        get: (key) => {
          asked++
          return get(key)
        }
      })
      const error = yield* Effect.flip(cache.get("key"))
      expect(error).toBeInstanceOf(RemoteCacheError)
      expect(error.reason).toBe("Broken")
      expect(error.message).toContain("the remote cache 'shelf' failed in `get`: ")
      expect(error.message).toContain(how.replace("an Error was thrown: ", ""))
      expect(error.message).not.toContain("\n")
      expect(yield* cache.get("key")).toEqual(Option.none())
      yield* cache.put("key", new Uint8Array(1))
      expect(asked).toBe(1)
    })
  )

  it.effect("may fail in `put`, too", () =>
    Effect.gen(function* () {
      const cache = yield* registered({ ...quiet, put: () => untyped(undefined) })
      const error = yield* Effect.flip(cache.put("key", new Uint8Array(1)))
      expect(error.message).toMatch(/^the remote cache 'shelf' failed in `put`: /)
    })
  )

  it.effect("is asked again after a corrupt entry, with the error that it gave", () =>
    Effect.gen(function* () {
      const corrupt = new RemoteCacheError({ reason: "Corrupt", message: "half of it is missing" })
      const cache = yield* registered({ ...quiet, get: () => Effect.fail(corrupt) })
      expect(yield* Effect.flip(cache.get("key"))).toBe(corrupt)
      expect(yield* Effect.flip(cache.get("key"))).toBe(corrupt)
    })
  )
})
