/** HTTP servers on loopback for tests. */
import { createServer, type IncomingMessage, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import { Effect } from "effect"

/** Serves until the scope closes, and returns the port. `onConnect` answers CONNECT, which proxies are asked. */
export const serveLoopback = (
  handler: RequestListener,
  onConnect?: (request: IncomingMessage, client: Duplex) => void
) =>
  Effect.acquireRelease(
    Effect.async<{ readonly port: number; readonly close: () => void }>((resume) => {
      const http = createServer(handler)
      if (onConnect !== undefined) http.on("connect", onConnect)
      const close = () => {
        http.closeAllConnections()
        http.close()
      }
      http.listen(0, "127.0.0.1", () => resume(Effect.succeed({ port: (http.address() as AddressInfo).port, close })))
    }),
    ({ close }) => Effect.sync(close)
  ).pipe(Effect.map(({ port }) => port))
