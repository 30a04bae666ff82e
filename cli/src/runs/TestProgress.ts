/**
 * Receives the progress of tests from vitest's workers.
 *
 * @since 0.2.0
 */
import { once } from "node:events"
import { rmSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer, type Server, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { NodeFileSystem } from "@effect/platform-node"
import type { RunEvent } from "@ktstr/core"
import { ownTemporaryPrefix } from "@ktstr/core/host"
import type { ProgressMessage } from "@ktstr/vitest/plugin"
import { Effect, type Scope } from "effect"

/** `sun_path` has 108 bytes, the last of them 0 (unix(7)). */
const maxPathBytes = 107

const messageOf = (line: string): ProgressMessage | undefined => {
  try {
    const value: unknown = JSON.parse(line)
    const isMessage =
      typeof value === "object" &&
      value !== null &&
      "test" in value &&
      typeof value.test === "string" &&
      "event" in value &&
      typeof value.event === "object"
    return isMessage ? (value as ProgressMessage) : undefined
  } catch {
    return undefined
  }
}

const listen = async (path: string, onSocket: (socket: Socket) => void): Promise<Server> => {
  const server = createServer(onSocket).listen(path)
  await once(server, "listening")
  return server
}

/**
 * Opens a socket for the workers in a folder that only this user can enter, and returns its path. Both are removed with the scope. Returns undefined
 * if that fails: missing progress must not fail a run.
 *
 * @since 0.2.0
 * @category constructors
 */
export const hearProgress = (
  onEvent: (test: string, event: RunEvent) => Effect.Effect<void>
): Effect.Effect<string | undefined, never, Scope.Scope> =>
  Effect.gen(function* () {
    const prefix = yield* Effect.provide(ownTemporaryPrefix(), NodeFileSystem.layer)
    const folder = yield* Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), prefix)).catch(() => undefined)),
      (made) =>
        made === undefined
          ? Effect.void
          : Effect.promise(() => rm(made, { recursive: true, force: true }).catch(() => undefined))
    )
    if (folder === undefined) return undefined
    // A second Ctrl-C ends the process at once, without its scopes.
    const onExit = () => rmSync(folder, { recursive: true, force: true })
    yield* Effect.acquireRelease(
      Effect.sync(() => process.once("exit", onExit)),
      () => Effect.sync(() => process.off("exit", onExit))
    )
    const path = join(folder, "progress")
    if (Buffer.byteLength(path) > maxPathBytes) return undefined
    const sockets = new Set<Socket>()
    const onSocket = (socket: Socket) => {
      sockets.add(socket)
      socket.on("error", () => socket.destroy())
      socket.on("close", () => sockets.delete(socket))
      createInterface({ input: socket }).on("line", (line) => {
        const message = messageOf(line)
        if (message !== undefined) Effect.runPromise(onEvent(message.test, message.event)).catch(() => undefined)
      })
    }
    const server = yield* Effect.acquireRelease(
      Effect.promise(() => listen(path, onSocket).catch(() => undefined)),
      (open) =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
          open?.close()
        })
    )
    return server === undefined ? undefined : path
  })
