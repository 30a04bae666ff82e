/** Remote caches on loopback: a real S3 server, and the cache service of GitHub Actions as far as its clients see it. */
import { createHash, createHmac } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { request as forward, type IncomingMessage } from "node:http"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { serveLoopback } from "./loopback.ts"

/** s3rver brings no types. */
interface S3rver {
  readonly run: () => Promise<{ readonly port: number }>
  readonly close: () => Promise<void>
}

const S3rver: new (options: Readonly<Record<string, unknown>>) => S3rver = createRequire(import.meta.url)("s3rver")

export const s3Bucket = "kernels"

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const parts: Array<Buffer> = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

const sha256 = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex")

const hmac = (key: Buffer | string, text: string): Buffer => createHmac("sha256", key).update(text).digest()

/** Signature Version 4 as AWS describes it, over the request as it came: s3rver takes every signature of this version. */
const isSigned = (request: IncomingMessage, body: Buffer, secret: string): boolean => {
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=[^/]+\/((\d{8})\/([^/]+)\/s3\/aws4_request), SignedHeaders=(\S+), Signature=(\S+)$/
  const [, scope = "", day = "", region = "", names = "", signature] =
    pattern.exec(request.headers.authorization ?? "") ?? []
  const hash = String(request.headers["x-amz-content-sha256"])
  const headers = names.split(";").map((name) => `${name}:${String(request.headers[name]).trim()}\n`)
  const [path = "", query = ""] = (request.url ?? "").split("?")
  const canonical = [request.method, path, query, headers.join(""), names, hash].join("\n")
  const text = ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, sha256(canonical)].join("\n")
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), region), "s3"), "aws4_request")
  return (
    hash === sha256(body) &&
    ["host", "x-amz-date"].every((name) => names.split(";").includes(name)) &&
    signature === hmac(key, text).toString("hex")
  )
}

/** In front of a server that does not look at signatures. */
const serveSigned = (upstream: number, secret: string) =>
  serveLoopback(async (request, response) => {
    const body = await bodyOf(request)
    if (!isSigned(request, body, secret)) {
      const xml = '<?xml version="1.0"?><Error><Code>SignatureDoesNotMatch</Code></Error>'
      response.writeHead(403, { "content-type": "application/xml" }).end(xml)
      return
    }
    const { method, headers } = request
    const passed = forward({ port: upstream, host: "127.0.0.1", path: request.url, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    passed.end(body)
  })

/** Serves a bucket to the account S3RVER with the secret S3RVER until the scope closes, and returns the variables of a client. */
export const serveS3 = Effect.acquireRelease(
  Effect.promise(async () => {
    const directory = mkdtempSync(join(tmpdir(), "ktstr-s3-"))
    const server = new S3rver({
      address: "127.0.0.1",
      port: 0,
      silent: true,
      directory,
      configureBuckets: [{ name: s3Bucket }]
    })
    const { port } = await server.run()
    return { directory, server, port }
  }),
  ({ directory, server }) =>
    Effect.promise(async () => {
      await server.close()
      rmSync(directory, { recursive: true })
    })
).pipe(
  Effect.flatMap(({ port }) => serveSigned(port, "S3RVER")),
  Effect.map((port) => ({
    KTSTR_REMOTE_CACHE: `s3://${s3Bucket}/ci/main`,
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: "S3RVER",
    AWS_SECRET_ACCESS_KEY: "S3RVER"
  }))
)

/**
 * Speaks the published protocol of the service's second version: Twirp over JSON for entries, signed addresses for their bytes. Entries can't be
 * changed, are seen once they are finalized, and are found by the beginning of their key as well.
 */
export const serveGitHubCache = Effect.gen(function* () {
  const token = "a-runtime-token"
  const blobs = new Map<string, Buffer>()
  const entries = new Map<string, { readonly blob: string; finalized: boolean }>()
  const port = yield* serveLoopback(async (request, response) => {
    const url = new URL(request.url ?? "/", `http://${request.headers.host}`)
    const body = await bodyOf(request)
    const json = (status: number, value: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value))
    if (url.pathname.startsWith("/blob/")) {
      // A signed address needs no token, and one that was made up is refused.
      if (url.searchParams.get("sig") !== "signed") return response.writeHead(403).end()
      if (request.method === "PUT") {
        if (request.headers["x-ms-blob-type"] !== "BlockBlob") return response.writeHead(400).end()
        blobs.set(url.pathname, body)
        return response.writeHead(201).end()
      }
      const blob = blobs.get(url.pathname)
      return blob === undefined ? response.writeHead(404).end() : response.writeHead(200).end(blob)
    }
    if (request.headers.authorization !== `Bearer ${token}`) {
      return json(401, { code: "unauthenticated", msg: "token is not valid" })
    }
    const method = /^\/twirp\/github\.actions\.results\.api\.v1\.CacheService\/(\w+)$/.exec(url.pathname)?.[1]
    const asked = JSON.parse(body.toString())
    const id = `${asked.version} ${asked.key}`
    const signed = (blob: string) => `http://${request.headers.host}${blob}?sig=signed`
    if (method === "CreateCacheEntry") {
      if (entries.has(id)) return json(409, { code: "already_exists", msg: "cache entry already exists" })
      const blob = `/blob/${entries.size}`
      entries.set(id, { blob, finalized: false })
      return json(200, { ok: true, signed_upload_url: signed(blob) })
    }
    if (method === "FinalizeCacheEntryUpload") {
      const entry = entries.get(id)
      const size = entry === undefined ? -1 : blobs.get(entry.blob)?.length
      if (entry === undefined || String(size) !== asked.size_bytes) return json(200, { ok: false })
      entry.finalized = true
      return json(200, { ok: true, entry_id: "1" })
    }
    if (method === "GetCacheEntryDownloadURL") {
      const found = [...entries].find(([other, entry]) => other.startsWith(id) && entry.finalized)
      if (found === undefined) return json(200, { ok: false })
      const matched = found[0].slice(asked.version.length + 1)
      return json(200, { ok: true, signed_download_url: signed(found[1].blob), matched_key: matched })
    }
    return json(404, { code: "bad_route", msg: "no handler" })
  })
  return {
    blobs,
    variables: {
      KTSTR_GHA_CACHE: "1",
      ACTIONS_RESULTS_URL: `http://127.0.0.1:${port}/`,
      ACTIONS_RUNTIME_TOKEN: token
    }
  }
})

/** Accepts connections and never answers. */
export const serveSilence = Effect.map(
  serveLoopback(() => {}),
  (port) => `http://127.0.0.1:${port}`
)
