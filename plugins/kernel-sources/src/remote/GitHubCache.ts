/**
 * The cache service of GitHub Actions as a remote cache.
 *
 * The service's second version: JSON over Twirp for the entries, and signed addresses of a blob store for their bytes.
 *
 * @since 0.1.0
 */
import { HttpClientRequest } from "@effect/platform"
import { sha256Hex } from "@ktstr/core/base"
import { decodeOutsideJson } from "@ktstr/core/image"
import { type RemoteCache, RemoteCacheError } from "@ktstr/core/kernel"
import { Config, Effect, Option, Redacted, Schema } from "effect"
import { refusal, sendRemote } from "./Http.ts"

const name = "the GitHub Actions cache"

/** Version of our archives; entries of another version are not seen. */
const format = sha256Hex(new TextEncoder().encode("ktstr kernel entry, tar.gz, 1"))

const account = Effect.gen(function* () {
  const url = yield* Config.nonEmptyString("ACTIONS_RESULTS_URL")
  const token = yield* Config.redacted("ACTIONS_RUNTIME_TOKEN")
  return { url: url.endsWith("/") ? url : `${url}/`, token: Redacted.value(token) }
}).pipe(
  Effect.mapError(
    (cause) =>
      new RemoteCacheError({
        reason: "Settings",
        message:
          "KTSTR_GHA_CACHE is 1, but ACTIONS_RESULTS_URL and ACTIONS_RUNTIME_TOKEN are not set: a workflow's run steps get them from an action that exports them",
        cause
      })
  )
)

const call = Effect.fn("GitHubCache.call")(function* (method: string, body: Readonly<Record<string, unknown>>) {
  const { url, token } = yield* account
  const version = yield* format
  const request = HttpClientRequest.post(`${url}twirp/github.actions.results.api.v1.CacheService/${method}`).pipe(
    HttpClientRequest.bearerToken(token),
    HttpClientRequest.bodyUnsafeJson({ ...body, version })
  )
  return yield* sendRemote(name, request)
})

const Created = Schema.Struct({ ok: Schema.Boolean, signed_upload_url: Schema.optional(Schema.String) })

const Finalized = Schema.Struct({ ok: Schema.Boolean })

const Found = Schema.Struct({
  ok: Schema.Boolean,
  signed_download_url: Schema.optional(Schema.String),
  matched_key: Schema.optional(Schema.String)
})

const decode = <A, I>(
  schema: Schema.Schema<A, I>,
  what: string,
  bytes: Uint8Array
): Effect.Effect<A, RemoteCacheError> =>
  Effect.mapError(
    decodeOutsideJson(schema, new TextDecoder().decode(bytes)),
    (why) => new RemoteCacheError({ reason: "Refused", message: `${name}: ${what}: its answer is not usable: ${why}` })
  )

const isSuccess = (status: number): boolean => status >= 200 && status <= 299

/**
 * Address and token come from the workflow's environment and are read at each use. Entries of the service never change.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeGitHubCache = (): RemoteCache => ({
  name,
  get: Effect.fn("GitHubCache.get")(function* (key: string) {
    const what = `reading ${key}`
    const answer = yield* call("GetCacheEntryDownloadURL", { key, restore_keys: [] })
    if (answer.status === 404) return Option.none()
    if (!isSuccess(answer.status)) return yield* refusal(name, what, answer)
    const found = yield* decode(Found, what, answer.bytes)
    // The service also matches keys by prefix.
    if (!found.ok || found.signed_download_url === undefined || (found.matched_key ?? key) !== key) return Option.none()
    const blob = yield* sendRemote(name, HttpClientRequest.get(found.signed_download_url))
    return isSuccess(blob.status) ? Option.some(blob.bytes) : yield* refusal(name, what, blob)
  }),
  put: Effect.fn("GitHubCache.put")(function* (key: string, bytes: Uint8Array) {
    const what = `writing ${key}`
    const answer = yield* call("CreateCacheEntry", { key })
    if (answer.status === 409) return
    if (!isSuccess(answer.status)) return yield* refusal(name, what, answer)
    const { ok, signed_upload_url: url } = yield* decode(Created, what, answer.bytes)
    if (!ok || url === undefined) return
    const upload = HttpClientRequest.put(url).pipe(
      HttpClientRequest.setHeader("x-ms-blob-type", "BlockBlob"),
      HttpClientRequest.bodyUint8Array(bytes, "application/octet-stream")
    )
    const blob = yield* sendRemote(name, upload)
    if (!isSuccess(blob.status)) return yield* refusal(name, what, blob)
    const done = yield* call("FinalizeCacheEntryUpload", { key, size_bytes: String(bytes.length) })
    if (!isSuccess(done.status)) return yield* refusal(name, what, done)
    const finalized = yield* decode(Finalized, what, done.bytes)
    if (finalized.ok) return
    return yield* new RemoteCacheError({ reason: "Refused", message: `${name}: ${what}: it was not taken` })
  })
})
