/**
 * A remote cache in any S3-compatible store.
 *
 * @since 0.1.0
 */
import { HttpClientRequest } from "@effect/platform"
import { sha256Hex } from "@ktstr/core/base"
import { type RemoteCache, RemoteCacheError } from "@ktstr/core/kernel"
import { Config, Effect, Option } from "effect"
import { refusal, sendRemote } from "./Http.ts"

const settings = (message: string, cause?: unknown) => new RemoteCacheError({ reason: "Settings", message, cause })

/** Returns the first of these variables that is not empty. */
const variable = (...names: ReadonlyArray<string>) =>
  Effect.firstSuccessOf(names.map((name) => Config.nonEmptyString(name))).pipe(Effect.option)

/** The standard variables of S3 clients. */
const account = Effect.gen(function* () {
  const region = Option.getOrElse(yield* variable("AWS_REGION", "AWS_DEFAULT_REGION"), () => "us-east-1")
  const endpoint = yield* variable("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
  const [id, secret, token] = yield* Effect.all([
    variable("AWS_ACCESS_KEY_ID"),
    variable("AWS_SECRET_ACCESS_KEY"),
    variable("AWS_SESSION_TOKEN")
  ])
  if (Option.isNone(id) || Option.isNone(secret)) {
    return yield* settings("KTSTR_REMOTE_CACHE is set, but not AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
  }
  return {
    region,
    endpoint: Option.getOrElse(endpoint, () => `https://s3.${region}.amazonaws.com`).replace(/\/+$/, ""),
    accessKeyId: id.value,
    secretAccessKey: secret.value,
    token: Option.getOrUndefined(token)
  }
})

/**
 * Makes the cache at `s3://BUCKET[/PREFIX]`. Account, region and endpoint come from the `AWS_…` variables, read at each use. Buckets are
 * addressed by path, which every such store accepts.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeS3Cache = (location: string): RemoteCache => {
  const found = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,62})(?:\/([A-Za-z0-9._/-]*))?$/.exec(location)
  const bucket = found?.[1] ?? ""
  const prefix = (found?.[2] ?? "").split("/").filter((part) => part !== "")
  const send = Effect.fn("S3Cache.send")(function* (method: "GET" | "PUT", key: string, bytes?: Uint8Array) {
    if (bucket === "") return yield* settings(`KTSTR_REMOTE_CACHE must be s3://BUCKET[/PREFIX], got '${location}'`)
    const { region, endpoint, accessKeyId, secretAccessKey, token } = yield* account
    const url = `${endpoint}/${[bucket, ...prefix, key].map(encodeURIComponent).join("/")}`
    const hash = yield* sha256Hex(bytes ?? new Uint8Array(0))
    const signed = yield* Effect.tryPromise({
      try: async () => {
        const { AwsV4Signer } = await import("aws4fetch")
        return new AwsV4Signer({
          method,
          url,
          headers: { "x-amz-content-sha256": hash },
          accessKeyId,
          secretAccessKey,
          region,
          service: "s3",
          ...(token === undefined ? {} : { sessionToken: token })
        }).sign()
      },
      catch: (cause) => settings(`the address ${url} can't be signed: ${cause}`, cause)
    })
    const request = HttpClientRequest.make(method)(signed.url).pipe(
      HttpClientRequest.setHeaders(Object.fromEntries(signed.headers)),
      bytes === undefined ? (same) => same : HttpClientRequest.bodyUint8Array(bytes, "application/gzip")
    )
    return yield* sendRemote(location, request)
  })
  return {
    name: location,
    get: Effect.fn("S3Cache.get")(function* (key: string) {
      const answer = yield* send("GET", key)
      if (answer.status === 200) return Option.some(answer.bytes)
      const text = new TextDecoder().decode(answer.bytes.subarray(0, 4096))
      if (answer.status === 404 && !text.includes("NoSuchBucket")) return Option.none()
      return yield* refusal(location, `reading ${key}`, answer)
    }),
    put: Effect.fn("S3Cache.put")(function* (key: string, bytes: Uint8Array) {
      const answer = yield* send("PUT", key, bytes)
      if (answer.status < 200 || answer.status > 299) return yield* refusal(location, `writing ${key}`, answer)
    })
  }
}
