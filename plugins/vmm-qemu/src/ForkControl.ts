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
  /** To be called with the reason when the process has ended before the fork point. Later the stream's end tells it. */
  readonly gone: (why: VmmError) => void
}

const failed = (message: string): VmmError => new VmmError({ reason: "BootFailed", message })

const lostMachine = (): VmmError =>
  new VmmError({ reason: "ChannelLost", message: "the machine at the fork point has ended" })

/** Of a plugin that does not do what this host expects. */
const misbehaved = (message: string): VmmError => new VmmError({ reason: "BackendMissing", message })

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
  let served = false
  let next = 0
  let lost: VmmError | undefined
  let rest = ""

  const gone = (why: VmmError): void => {
    if (lost !== undefined) return
    lost = served ? lostMachine() : why
    Deferred.unsafeDone(serving, Effect.fail(lost))
    for (const one of asked.values()) Deferred.unsafeDone(one, Effect.fail(lost))
    // Children end with their parent.
    for (const one of running.values()) Deferred.unsafeDone(one, Effect.succeed({ code: null, signal: "SIGKILL" }))
    asked.clear()
    running.clear()
  }

  const answer = (id: string, how: Effect.Effect<ForkedProcess, VmmError>): void => {
    const one = asked.get(id)
    asked.delete(id)
    if (one !== undefined) Deferred.unsafeDone(one, how)
  }

  const forked = (id: string, pid: number): void => {
    const end = Deferred.unsafeMake<ProcessEnd>(FiberId.none)
    running.set(id, end)
    const kill = Effect.sync(() => {
      if (running.has(id)) stream.write(`kill ${id}\n`)
    })
    answer(id, Effect.succeed({ pid, end, kill }))
  }

  const ended = (id: string, how: ProcessEnd): void => {
    const end = running.get(id)
    running.delete(id)
    if (end !== undefined) Deferred.unsafeDone(end, Effect.succeed(how))
  }

  const take = (line: string): void => {
    const [word = "", id = "", kind = "", value = ""] = line.split(" ")
    const after = (words: number): string => line.split(" ").slice(words).join(" ")
    switch (word) {
      case "loaded":
        break
      case "serving":
        served = true
        Deferred.unsafeDone(serving, Effect.void)
        break
      case "forked":
        forked(id, Number(kind))
        break
      case "failed":
        answer(id, Effect.fail(misbehaved(`the machine can't be forked: ${after(2)}`)))
        break
      case "ended":
        if (/^\d+$/.test(id))
          ended(id, kind === "code" ? { code: Number(value), signal: null } : { code: null, signal: value })
        else gone(failed(`the machine ${line}`))
        break
      case "refused":
        gone(misbehaved(`ktstr's plugin refused this machine: ${after(1)}`))
        break
      default:
        gone(misbehaved(`ktstr's plugin said '${line.slice(0, 80)}'`))
    }
  }

  stream.setEncoding("utf8")
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) take(line)
    if (rest.length > longestLine) gone(misbehaved("ktstr's plugin said a line without an end"))
  })
  stream.on("error", () => {})
  for (const end of ["end", "close"]) {
    // Before the fork point qemu's standard error tells why it has ended.
    stream.on(end, () => {
      if (served) gone(lostMachine())
    })
  }

  return {
    serving: Deferred.await(serving),
    fork: ({ com1, com2, range }) =>
      Effect.suspend(() => {
        if (lost !== undefined) return Effect.fail(lost)
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
