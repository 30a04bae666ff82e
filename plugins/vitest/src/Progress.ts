/**
 * Sends the progress of tests from vitest's workers to `ktstr test`, which shows it.
 *
 * @since 0.2.0
 */
import { connect } from "node:net"
import type { RunEvent } from "@ktstr/core"
import { Effect } from "effect"

/**
 * One line of JSON on the socket.
 *
 * @since 0.2.0
 * @category models
 */
export interface ProgressMessage {
  /** The test's name, preceded by those of its suites. */
  readonly test: string
  readonly event: RunEvent
}

/** Maximum number of bytes that wait for a slow reader; further progress is dropped. */
const maxWaitingBytes = 1024 * 1024

/**
 * Starts to send progress; `path` undefined: nobody listens. What can't be sent is dropped, so that progress neither delays nor fails a test.
 *
 * @since 0.2.0
 * @category constructors
 */
export const openProgress = (path: string | undefined) => {
  const socket = path === undefined ? undefined : connect(path)
  socket?.on("error", () => socket.destroy())
  // A worker must be able to end while the socket is open.
  socket?.unref()
  return {
    send: (test: string, event: RunEvent): Effect.Effect<void> =>
      Effect.sync(() => {
        // The result comes with the test.
        if (socket === undefined || socket.destroyed || event._tag === "RunFinished") return
        if (socket.writableLength < maxWaitingBytes) socket.write(`${JSON.stringify({ test, event })}\n`)
      }),
    close: (): void => void socket?.end()
  }
}
