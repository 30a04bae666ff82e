/** Git's own HTTP server, `git http-backend`, on loopback, for one user. */
import { execFileSync, spawn } from "node:child_process"
import { join } from "node:path"
import { serveLoopback } from "./loopback.ts"

const backend = join(execFileSync("git", ["--exec-path"]).toString().trim(), "git-http-backend")

/** Serves the repositories below `root` to `user:password` until the scope closes, and returns the port. */
export const serveGit = (root: string, credentials: string) => {
  const allowed = `Basic ${Buffer.from(credentials).toString("base64")}`
  return serveLoopback((request, response) => {
    if (request.headers.authorization !== allowed) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end()
      return
    }
    const url = new URL(request.url ?? "/", "http://localhost")
    const cgi = spawn(backend, {
      env: {
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: "1",
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
        HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
        PATH: process.env.PATH ?? ""
      }
    })
    request.pipe(cgi.stdin)
    const parts: Array<Buffer> = []
    cgi.stdout.on("data", (part: Buffer) => parts.push(part))
    cgi.on("close", () => {
      const all = Buffer.concat(parts)
      const end = all.indexOf("\r\n\r\n")
      const headers = all
        .subarray(0, end)
        .toString()
        .split("\r\n")
        .map((line) => line.split(/: (.*)/s) as [string, string])
      const status = Number(headers.find(([name]) => name === "Status")?.[1].slice(0, 3) ?? 200)
      response.writeHead(status, Object.fromEntries(headers)).end(all.subarray(end + 4))
    })
  })
}
