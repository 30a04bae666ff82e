/**
 * Runs a process in the guest from the host: its streams and its end (docs/protocol.md, "Processes").
 *
 * @since 0.1.0
 */
import { Deferred, Effect, Mailbox, type Scope, Stream } from "effect"
import { type AgentEvent, Command, type GuestProgram, type ProcessTelemetry } from "../protocol/index.ts"
import type { CommandRefused, GuestLost, LiveGuest } from "./LiveGuest.ts"

/**
 * How a process ended.
 *
 * @since 0.1.0
 * @category models
 */
export type ProcessEnd =
  | { readonly _tag: "Exited"; readonly code: number }
  | { readonly _tag: "Signaled"; readonly signal: number }
  /** Killed at its deadline. */
  | { readonly _tag: "TimedOut" }
  /** The program could not be started; `errno` is Linux's error number. */
  | { readonly _tag: "NotRun"; readonly errno: number; readonly message: string }

/**
 * A piece of a process's output.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProcessOutput {
  /** With a terminal, all output is `out`. */
  readonly stream: "out" | "err"
  readonly bytes: Uint8Array
}

/**
 * A process in the guest, as seen from the host.
 *
 * @since 0.1.0
 * @category models
 */
export interface GuestProcess {
  /** All output in order, for one reader; ends with the process. The process waits if its reader is `outputWindow` bytes behind. */
  readonly output: Stream.Stream<ProcessOutput, GuestLost>
  /**
   * Writes to its standard input; waits while `inputWindow` bytes are in transit. Does not report rejected input, because a process may end at any
   * time.
   */
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, GuestLost>
  readonly endInput: Effect.Effect<void, GuestLost>
  readonly resize: (size: { readonly rows: number; readonly columns: number }) => Effect.Effect<void, GuestLost>
  /** Sends a signal to its process group. */
  readonly kill: (signal: number) => Effect.Effect<void, GuestLost>
  readonly end: Effect.Effect<ProcessEnd, GuestLost>
}

/**
 * Maximum number of bytes of output in transit from a process to its reader.
 *
 * @since 0.1.0
 * @category constants
 */
export const outputWindow: number = 1024 * 1024

/**
 * Maximum number of bytes of input in transit to a process.
 *
 * @since 0.1.0
 * @category constants
 */
export const inputWindow: number = 16 * 1024

/** Maximum number of input bytes per frame, so that terminal keys do not queue behind a long frame. */
const inputChunk = 4096

const toEnd = ({ kind, value, message }: ProcessTelemetry): ProcessEnd => {
  switch (kind) {
    case "exited":
      return { _tag: "Exited", code: value }
    case "signaled":
      return { _tag: "Signaled", signal: value }
    case "timed out":
      return { _tag: "TimedOut" }
    case "not run":
      return { _tag: "NotRun", errno: value, message }
  }
}

/**
 * Starts a program and delivers all its output. If `deadlineMs` is undefined, the program may run forever. Closing the scope kills the program if it
 * is still running.
 *
 * @since 0.1.0
 * @category constructors
 */
export const runProcess: (
  guest: LiveGuest,
  program: Pick<GuestProgram, "argv"> & {
    readonly cgroup?: string | undefined
    readonly environment?: Readonly<Record<string, string>> | undefined
    readonly directory?: string | undefined
    readonly terminal?: GuestProgram["terminal"]
    /** Without a terminal: whether the program gets input. Default false. */
    readonly input?: boolean | undefined
    readonly deadlineMs?: number | undefined
  }
) => Effect.Effect<GuestProcess, GuestLost | CommandRefused, Scope.Scope> = Effect.fn("GuestProcess.run")(
  function* (guest, program) {
    const id = guest.newProcessId()
    const output = yield* Mailbox.make<ProcessOutput, GuestLost>()
    const end = yield* Deferred.make<ProcessEnd, GuestLost>()
    const room = yield* Effect.makeSemaphore(inputWindow)
    let unthanked = 0

    const onEvent = (event: AgentEvent): Effect.Effect<void> => {
      switch (event._tag) {
        case "ProcOutput":
          return event.id === id
            ? Effect.asVoid(output.offer({ stream: event.stream === "stderr" ? "err" : "out", bytes: event.bytes }))
            : Effect.void
        case "ProcTaken":
          return event.id === id ? Effect.asVoid(room.release(event.bytes)) : Effect.void
        case "ProcExit":
          return event.id === id
            ? Effect.zipRight(Deferred.succeed(end, toEnd(event)), Effect.asVoid(output.end))
            : Effect.void
        default:
          return Effect.void
      }
    }

    /** Grants the process more credit when the reader has consumed a chunk. */
    const thank = ({ bytes }: ProcessOutput): Effect.Effect<void, GuestLost> => {
      unthanked += bytes.length
      if (unthanked < outputWindow / 4) return Effect.void
      const credit = unthanked
      unthanked = 0
      return guest.tell(Command.ProcCredit({ id, bytes: credit }))
    }

    yield* guest.listen(onEvent)
    yield* Effect.forkScoped(
      Effect.catchAll(guest.lost, (lost) => Effect.zipRight(output.fail(lost), Deferred.fail(end, lost)))
    )
    yield* Effect.addFinalizer(() =>
      Effect.flatMap(Deferred.isDone(end), (ended) =>
        // Not awaited, because a guest that hangs takes no commands.
        ended ? Effect.void : Effect.forkDaemon(Effect.interruptible(guest.tell(Command.ProcKill({ id, signal: 9 }))))
      )
    )
    yield* guest.obey(
      Command.ProcRun({
        id,
        cgroup: program.cgroup ?? "",
        argv: program.argv,
        environment: Object.entries(program.environment ?? {}).map(([name, value]) => ({ name, value })),
        directory: program.directory ?? "",
        terminal: program.terminal,
        input: program.input ?? false,
        deadlineNs: Math.round((program.deadlineMs ?? 0) * 1e6),
        credit: outputWindow,
        paced: true
      })
    )
    return {
      output: Stream.tap(Mailbox.toStream(output), thank),
      write: (bytes) =>
        Effect.gen(function* () {
          for (let at = 0; at < bytes.length; at += inputChunk) {
            const chunk = bytes.subarray(at, at + inputChunk)
            yield* room.take(chunk.length)
            yield* guest.tell(Command.ProcInput({ id, bytes: chunk }))
          }
        }),
      endInput: guest.tell(Command.ProcInput({ id, bytes: new Uint8Array() })),
      resize: (size) => guest.tell(Command.ProcResize({ id, ...size })),
      kill: (signal) => guest.tell(Command.ProcKill({ id, signal })),
      end: Deferred.await(end)
    }
  }
)
