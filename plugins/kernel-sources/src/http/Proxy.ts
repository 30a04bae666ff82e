/**
 * HTTP with undici, through the proxy that the environment names.
 *
 * @since 0.1.0
 */
import type { HttpClient } from "@effect/platform"
import { Config, Effect, Layer, Option } from "effect"

/** Lower case wins, as with curl; empty counts as unset. */
const variable = (name: string) =>
  Effect.firstSuccessOf([name.toLowerCase(), name].map((key) => Config.nonEmptyString(key))).pipe(Effect.option)

/**
 * Provides a client that honours `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` (and their lower-case twins). Undici is loaded when the layer is built:
 * most commands download nothing.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHttp: Layer.Layer<HttpClient.HttpClient> = Layer.unwrapEffect(
  Effect.gen(function* () {
    // Undici is CommonJS: in a bundle its names are only on the default export, whose type lacks some.
    const [{ Dispatcher, layerUndiciWithoutDispatcher }, module] = yield* Effect.promise(() =>
      Promise.all([import("@effect/platform-node/NodeHttpClient"), import("@effect/platform-node/Undici")])
    )
    const undici = module.default as unknown as Pick<typeof module, "EnvHttpProxyAgent">
    const [http, https, none] = yield* Effect.all([
      variable("HTTP_PROXY"),
      variable("HTTPS_PROXY"),
      variable("NO_PROXY")
    ])
    const orEmpty = Option.getOrElse(() => "")
    const agent = Effect.acquireRelease(
      Effect.sync(
        () =>
          new undici.EnvHttpProxyAgent({ httpProxy: orEmpty(http), httpsProxy: orEmpty(https), noProxy: orEmpty(none) })
      ),
      (dispatcher) => Effect.promise(() => dispatcher.destroy())
    )
    return Layer.provide(layerUndiciWithoutDispatcher, Layer.scoped(Dispatcher, agent))
  })
)
