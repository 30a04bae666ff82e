/**
 * The QEMU Machine Protocol over a connected socket (qemu, docs/interop/qmp-spec): one JSON object a line.
 *
 * @since 0.1.0
 */
import type { Duplex } from "node:stream"
import { LineSplitter } from "@ktstr/core/machine"
import { Data, Deferred, Effect, FiberId } from "effect"

/**
 * A command that qemu refused, or a connection that ended or spoke something else.
 *
 * @since 0.1.0
 * @category errors
 */
export class QmpError extends Data.TaggedError("QmpError")<{
  /** qemu's error class, `Closed` or `Malformed`. */
  readonly kind: string
  readonly message: string
}> {}

/**
 * @since 0.1.0
 * @category models
 */
export interface QmpEvent {
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

/**
 * A negotiated connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface Qmp {
  /** qemu's version, for example `7.2.22`. */
  readonly version: string
  /** Runs a command and returns its value. Commands are answered in order. */
  readonly execute: (command: string, args?: Readonly<Record<string, unknown>>) => Effect.Effect<unknown, QmpError>
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

const versionOf = (greeting: unknown): string | undefined => {
  const version = isRecord(greeting) && isRecord(greeting.version) ? greeting.version.qemu : undefined
  return isRecord(version) ? `${version.major}.${version.minor}.${version.micro}` : undefined
}

/**
 * Negotiates on a connected socket. Done when qemu has answered `qmp_capabilities`, which it does only after it has built the
 * machine. `onEvent` is called for each event as it arrives.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeQmp = (socket: Duplex, onEvent: (event: QmpEvent) => void): Effect.Effect<Qmp, QmpError> =>
  Effect.gen(function* () {
    const greeting = yield* Deferred.make<string, QmpError>()
    const pending = new Map<number, Deferred.Deferred<unknown, QmpError>>()
    const splitter = new LineSplitter()
    let nextId = 0
    let broken: QmpError | undefined

    const breakOff = (error: QmpError): void => {
      broken ??= error
      const failed = Effect.fail(broken)
      Deferred.unsafeDone(greeting, failed)
      for (const deferred of pending.values()) Deferred.unsafeDone(deferred, failed)
      pending.clear()
    }
    const closed = (): void => breakOff(new QmpError({ kind: "Closed", message: "qemu closed its monitor connection" }))

    const answer = (message: Record<string, unknown>): void => {
      const deferred = pending.get(Number(message.id))
      if (deferred === undefined) return
      pending.delete(Number(message.id))
      const { error } = message
      Deferred.unsafeDone(
        deferred,
        isRecord(error)
          ? Effect.fail(new QmpError({ kind: String(error.class), message: String(error.desc) }))
          : Effect.succeed(message.return)
      )
    }

    const take = (line: string): void => {
      let message: unknown
      try {
        message = JSON.parse(line)
      } catch {
        message = undefined
      }
      if (!isRecord(message)) {
        breakOff(new QmpError({ kind: "Malformed", message: `qemu's monitor sent no QMP: ${line.slice(0, 200)}` }))
      } else if (isRecord(message.QMP)) {
        const version = versionOf(message.QMP)
        Deferred.unsafeDone(greeting, Effect.succeed(version ?? "unknown"))
      } else if (typeof message.event === "string") {
        onEvent({ event: message.event, data: isRecord(message.data) ? message.data : {} })
      } else {
        answer(message)
      }
    }

    socket.on("data", (bytes: Uint8Array) => {
      for (const line of splitter.push(bytes)) take(line)
    })
    socket.on("close", closed)
    // A peer that dies between two writes closes the connection; it must not end this process.
    socket.on("error", closed)

    const execute: Qmp["execute"] = (command, args) =>
      Effect.suspend(() => {
        if (broken !== undefined) return Effect.fail(broken)
        const id = nextId++
        const deferred = Deferred.unsafeMake<unknown, QmpError>(FiberId.none)
        pending.set(id, deferred)
        socket.write(`${JSON.stringify({ execute: command, ...(args && { arguments: args }), id })}\n`)
        return Deferred.await(deferred)
      })

    const version = yield* Deferred.await(greeting)
    yield* execute("qmp_capabilities")
    return { version, execute }
  })
