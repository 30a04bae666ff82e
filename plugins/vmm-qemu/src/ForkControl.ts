/**
 * Speaks with ktstr's plugin in a qemu that is a fork server (docs/fork-server.md).
 *
 * @since 0.2.0
 */
import type { Duplex } from "node:stream"
import { VmmError } from "@ktstr/core/machine"
import { Deferred, Effect, FiberId } from "effect"
import type { ProcessEnd } from "./QemuProcess.ts"

/**
 * A forked machine's process.
 *
 * @since 0.2.0
 * @category models
 */
export interface ForkedProcess {
  readonly pid: number
  readonly end: Deferred.Deferred<ProcessEnd>
  readonly kill: Effect.Effect<void>
}

/**
 * Files of a forked machine, by descriptors of this process.
 *
 * @since 0.2.0
 * @category models
 */
export interface ForkedFiles {
  readonly com1: number
  readonly com2: number
  readonly range: number
}

/**
 * @since 0.2.0
 * @category models
 */
export interface ForkControl {
  /** Succeeds when the guest stands at its fork point; fails with the reason why it never will. */
  readonly serving: Effect.Effect<void, VmmError>
  readonly fork: (files: ForkedFiles) => Effect.Effect<ForkedProcess, VmmError>
  /** To be called when the server's process has ended. */
  readonly gone: (why: string) => void
}

const failed = (message: string): VmmError => new VmmError({ reason: "BootFailed", message })

/** A longer line is none of the plugin's. */
const longestLine = 4096

/**
 * Follows what the plugin says on `stream`.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeForkControl = (stream: Duplex): ForkControl => {
  const serving = Deferred.unsafeMake<void, VmmError>(FiberId.none)
  const asked = new Map<string, Deferred.Deferred<ForkedProcess, VmmError>>()
  const running = new Map<string, Deferred.Deferred<ProcessEnd>>()
  let next = 0
  let lost: string | undefined
  let rest = ""

  const gone = (why: string): void => {
    if (lost !== undefined) return
    lost = why
    Deferred.unsafeDone(serving, Effect.fail(failed(why)))
    for (const one of asked.values()) Deferred.unsafeDone(one, Effect.fail(failed(why)))
    // Children end with their parent.
    for (const one of running.values()) Deferred.unsafeDone(one, Effect.succeed({ code: null, signal: "SIGKILL" }))
    asked.clear()
    running.clear()
  }

  const forked = (id: string, pid: number): void => {
    const end = Deferred.unsafeMake<ProcessEnd>(FiberId.none)
    running.set(id, end)
    const kill = Effect.sync(() => {
      if (running.has(id)) stream.write(`kill ${id}\n`)
    })
    const one = asked.get(id)
    asked.delete(id)
    if (one !== undefined) Deferred.unsafeDone(one, Effect.succeed({ pid, end, kill }))
  }

  const take = (line: string): void => {
    const [word = "", id = "", kind = "", value = ""] = line.split(" ")
    const after = (words: number): string => line.split(" ").slice(words).join(" ")
    switch (word) {
      case "loaded":
        return
      case "serving":
        return Deferred.unsafeDone(serving, Effect.void)
      case "forked":
        return forked(id, Number(kind))
      case "failed": {
        const one = asked.get(id)
        asked.delete(id)
        if (one !== undefined) Deferred.unsafeDone(one, Effect.fail(failed(`the machine can't be forked: ${after(2)}`)))
        return
      }
      case "ended": {
        if (!/^\d+$/.test(id)) return gone(`the machine ${line}`)
        const end = running.get(id)
        running.delete(id)
        const number = Number(value)
        const how = kind === "code" ? { code: number, signal: null } : { code: null, signal: `signal ${number}` }
        if (end !== undefined) Deferred.unsafeDone(end, Effect.succeed(how))
        return
      }
      case "refused":
        return gone(`ktstr's plugin refused this machine: ${after(1)}`)
      default:
        return gone(`ktstr's plugin said '${line.slice(0, 80)}'`)
    }
  }

  stream.setEncoding("utf8")
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) take(line)
    if (rest.length > longestLine) gone("ktstr's plugin said a line without an end")
  })
  stream.on("error", () => {})
  stream.on("close", () => gone("the fork server has ended"))

  return {
    serving: Deferred.await(serving),
    fork: ({ com1, com2, range }) =>
      Effect.suspend(() => {
        if (lost !== undefined) return Effect.fail(failed(lost))
        const id = String(next++)
        const answer = Deferred.unsafeMake<ForkedProcess, VmmError>(FiberId.none)
        asked.set(id, answer)
        const paths = [com1, com2, range].map((fd) => `/proc/${process.pid}/fd/${fd}`)
        stream.write(`fork ${id} ${paths.join(" ")}\n`)
        return Deferred.await(answer)
      }),
    gone
  }
}
