/**
 * Requests of remote caches, with limits of time and size, and failures in one line.
 *
 * @since 0.1.0
 */
import { HttpClient, type HttpClientRequest } from "@effect/platform"
import { RemoteCacheError } from "@ktstr/core/kernel"
import { Config, Effect } from "effect"
import { layerHttp, transportWords } from "../http/index.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface RemoteAnswer {
  readonly status: number
  readonly bytes: Uint8Array
}

/** More than any kernel's archive. */
const maxBytes = 2 ** 30

/** Seconds for one request, with all its bytes. */
const patience = Effect.orElseSucceed(Config.integer("KTSTR_REMOTE_CACHE_TIMEOUT"), () => 60)

/**
 * Sends a request and returns the whole response, whatever its status. `name` is the cache's name in messages.
 *
 * @since 0.1.0
 * @category constructors
 */
export const sendRemote: (
  name: string,
  request: HttpClientRequest.HttpClientRequest
) => Effect.Effect<RemoteAnswer, RemoteCacheError> = Effect.fn("RemoteHttp.send")(function* (
  name: string,
  request: HttpClientRequest.HttpClientRequest
) {
  const seconds = yield* patience
  const failed = (message: string, cause?: unknown) =>
    new RemoteCacheError({ reason: "Transport", message: `${name}: ${message}`, cause })
  return yield* Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const response = yield* client.execute(request)
    const length = Number(response.headers["content-length"] ?? 0)
    if (length > maxBytes) return yield* failed(`an answer of ${length} bytes is more than any kernel's archive has`)
    return { status: response.status, bytes: new Uint8Array(yield* response.arrayBuffer) }
  }).pipe(
    Effect.scoped,
    Effect.provide(layerHttp),
    Effect.mapError((cause) => (cause._tag === "RemoteCacheError" ? cause : failed(transportWords(cause), cause))),
    Effect.timeoutFail({
      duration: `${seconds} seconds`,
      onTimeout: () => failed(`no answer within ${seconds} s (KTSTR_REMOTE_CACHE_TIMEOUT)`)
    })
  )
})

/**
 * Fails unless the response is a success, with the server's code or message if it has one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const refusal = (name: string, what: string, { status, bytes }: RemoteAnswer): RemoteCacheError => {
  const text = new TextDecoder().decode(bytes.subarray(0, 4096))
  const code = /<Code>([^<]{1,80})<\/Code>/.exec(text)?.[1] ?? /"(?:msg|message)"\s*:\s*"([^"]{1,200})"/.exec(text)?.[1]
  return new RemoteCacheError({
    reason: "Refused",
    message: `${name}: ${what}: HTTP ${status}${code === undefined ? "" : `, ${code}`}`
  })
}
