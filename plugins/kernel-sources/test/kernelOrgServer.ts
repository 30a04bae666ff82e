/** A kernel.org on loopback: what it serves is real bytes over a real socket, and it can misbehave. */
import { createHash } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { connect } from "node:net"
import { Effect } from "effect"
import { serveLoopback } from "./loopback.ts"

export const tarball = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff))

/** The shape of kernel.org's file, with the fields that are not looked at too. */
const release = (moniker: string, version: string, iseol = false) => ({
  iseol,
  version,
  moniker,
  source: moniker === "linux-next" ? null : `https://cdn.kernel.org/pub/linux/kernel/v7.x/linux-${version}.tar.xz`,
  pgp: null,
  released: { timestamp: 1795132800, isodate: "2026-11-20" },
  gitweb: `https://git.kernel.org/stable/h/v${version}`,
  changelog: null,
  diffview: null,
  patch: { full: null, incremental: null }
})

export const releasesJson = (releases: ReadonlyArray<ReturnType<typeof release>>) =>
  JSON.stringify({ latest_stable: { version: "7.4.2" }, releases })

export const index = releasesJson([
  release("mainline", "7.5-rc2"),
  release("stable", "7.4.2"),
  release("stable", "7.3.11"),
  release("stable", "7.2.16", true),
  release("longterm", "6.12.58"),
  release("longterm", "6.6.116"),
  release("linux-next", "next-20261120")
])

export const youngIndex = releasesJson([release("mainline", "7.5-rc2"), release("stable", "7.4.2")])

export interface Request {
  readonly url: string
  readonly range: string | undefined
}

export interface KernelOrgServer {
  readonly base: string
  readonly requests: Array<Request>
}

type Answer = (request: IncomingMessage, response: ServerResponse, nth: number) => void

export const text =
  (body: string, status = 200, type = "text/plain"): Answer =>
  (_, response) => {
    response.writeHead(status, { "content-type": type }).end(body)
  }

/** The tarball, by ranges; the first `cuts` answers end in the middle of what they promised. */
export const file =
  (cuts = 0, etag = '"one"'): Answer =>
  (request, response, nth) => {
    const match = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")
    const from = match !== null && request.headers["if-range"] === etag ? Number(match[1]) : 0
    response.writeHead(from > 0 ? 206 : 200, {
      "content-type": "application/x-xz",
      "content-length": tarball.length - from,
      etag,
      ...(from > 0 ? { "content-range": `bytes ${from}-${tarball.length - 1}/${tarball.length}` } : {})
    })
    if (nth >= cuts) response.end(tarball.subarray(from))
    else response.write(tarball.subarray(from, from + 30_000), () => setTimeout(() => response.destroy(), 20))
  }

export const sums = (...names: ReadonlyArray<string>) =>
  text(
    `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n${names
      .map((name) => `${createHash("sha256").update(tarball).digest("hex")}  ${name}\n`)
      .join("")}-----BEGIN PGP SIGNATURE-----\n`
  )

const address = (port: number): string => `http://127.0.0.1:${port}`

/** Serves until the scope closes; what is not in `paths` is 404. */
export const serve = (paths: Readonly<Record<string, Answer>>) =>
  Effect.suspend(() => {
    const requests: Array<Request> = []
    const listening = serveLoopback((request, response) => {
      const url = request.url ?? ""
      const nth = requests.filter((earlier) => earlier.url === url).length
      requests.push({ url, range: request.headers.range })
      ;(paths[url] ?? text("no such file", 404))(request, response, nth)
    })
    return Effect.map(listening, (port): KernelOrgServer => ({ base: address(port), requests }))
  })

/** A proxy that tunnels every host to loopback and records the hosts. */
export const serveProxy = (port: number) =>
  Effect.suspend(() => {
    const asked: Array<string> = []
    const listening = serveLoopback(
      (_, response) => response.writeHead(405).end(),
      (request, client) => {
        asked.push(request.url ?? "")
        const upstream = connect(port, "127.0.0.1", () => {
          client.write("HTTP/1.1 200 Connection Established\r\n\r\n")
          upstream.pipe(client).pipe(upstream)
        })
        client.on("error", () => upstream.destroy())
        upstream.on("error", () => client.destroy())
      }
    )
    return Effect.map(listening, (own) => ({ base: address(own), asked }))
  })
