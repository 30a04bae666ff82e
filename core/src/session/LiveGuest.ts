/**
 * A guest that takes commands while it runs, instead of a plan (docs/protocol.md, "Commands").
 *
 * @since 0.1.0
 */
import { Context, Data, Deferred, Effect, type Scope } from "effect"
import type { Vm, VmmError } from "../machine/index.ts"
import { type AgentEvent, type Command, encodeCommand } from "../protocol/index.ts"
import { describeEnd, followGuest, type GuestEnd, type SessionResult } from "./GuestSession.ts"
import { makeRingWriter } from "./Ring.ts"

type Ready = Extract<AgentEvent, { readonly _tag: "Ready" }>

/**
 * The guest has ended, or its protocol is broken.
 *
 * @since 0.1.0
 * @category errors
 */
export class GuestLost extends Data.TaggedError("GuestLost")<{
  readonly reason: GuestEnd["_tag"]
  /** One line: how the guest ended, and which stage it had reached. */
  readonly message: string
  readonly end: GuestEnd
  /** The result of the whole session; undefined if the host closed it. */
  readonly session?: SessionResult | undefined
}> {}

/**
 * The agent rejected a command.
 *
 * @since 0.1.0
 * @category errors
 */
export class CommandRefused extends Data.TaggedError("CommandRefused")<{
  readonly message: string
  /** The guest's error number; 0: none. */
  readonly errno: number
  /** The wait that ended without success; undefined if the agent did not reject the command because of a timeout. */
  readonly late?: LateWait | undefined
}> {}

/**
 * A wait of the agent that ended at its time limit.
 *
 * @since 0.2.0
 * @category models
 */
export interface LateWait {
  /** When the agent gave up, in nanoseconds of the guest. */
  readonly timeNs: number
  /** How long it had waited until then, in nanoseconds. */
  readonly waitedNs: number
}

/** Returns the wait that an error of the agent reports; undefined if the error is no timeout. */
export const lateWait = ({ timeNs, waitedNs }: LateWait): LateWait | undefined =>
  waitedNs > 0 ? { timeNs, waitedNs } : undefined

/**
 * Receives every event; must neither fail nor wait.
 *
 * @since 0.1.0
 * @category models
 */
export type GuestListener = (event: AgentEvent) => Effect.Effect<void>

/**
 * A running guest that takes commands.
 *
 * @since 0.1.0
 * @category models
 */
export interface LiveGuest {
  /** The agent's first event. */
  readonly ready: Ready
  /** Sends a command without waiting for the reply. The agent executes commands in the order in which they were sent. */
  readonly tell: (command: Command) => Effect.Effect<void, GuestLost>
  /** Sends a command and waits until the agent has executed it. Fails with CommandRefused if the agent rejects it. */
  readonly obey: (command: Command) => Effect.Effect<void, GuestLost | CommandRefused>
  /** Adds a listener until the scope closes. */
  readonly listen: (listener: GuestListener) => Effect.Effect<void, never, Scope.Scope>
  /** Returns a new process ID at each call. */
  readonly newProcessId: () => number
  /** Fails when the session ends. */
  readonly lost: Effect.Effect<never, GuestLost>
}

/**
 * The agent that a scenario's program can talk to directly, for what no other service offers.
 *
 * @since 0.1.0
 * @category services
 */
export class GuestAgent extends Context.Tag("@ktstr/core/GuestAgent")<GuestAgent, LiveGuest>() {}

const guestLost = (result: SessionResult): GuestLost => {
  const { end } = result
  const message =
    end._tag === "Ended" && end.exit._tag === "PowerOff"
      ? "the guest powered off"
      : (describeEnd(result) ?? "the guest's agent ended the session")
  return new GuestLost({ reason: end._tag, message, end, session: result })
}

/**
 * Waits until the agent of a machine booted with `ktstr.mode=live` is ready, and follows the guest until the scope closes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeLiveGuest: (
  vm: Vm,
  options: {
    readonly ring: { readonly address: number; readonly size: number } | undefined
    /** Milliseconds from now to the agent's first frame. */
    readonly bootTimeoutMs: number
    /** Receives every event, including the first and the last, before all other listeners. */
    readonly onEvent?: GuestListener | undefined
  }
) => Effect.Effect<LiveGuest, GuestLost, Scope.Scope> = Effect.fn("LiveGuest.make")(function* (vm, options) {
  const ready = yield* Deferred.make<Ready>()
  const lost = yield* Deferred.make<never, GuestLost>()
  const listeners = new Set<GuestListener>()
  const replies = new Map<number, Deferred.Deferred<void, CommandRefused>>()
  const line = yield* Effect.makeSemaphore(1)
  let seq = 0
  let lastId = 0

  const onEvent = (event: AgentEvent): Effect.Effect<void> =>
    options.onEvent === undefined ? dispatch(event) : Effect.zipRight(options.onEvent(event), dispatch(event))

  const dispatch = (event: AgentEvent): Effect.Effect<void> => {
    if (event._tag === "Ready") return Effect.asVoid(Deferred.succeed(ready, event))
    if (event._tag === "Reply") {
      const asked = replies.get(event.command)
      replies.delete(event.command)
      if (asked === undefined) return Effect.void
      return Effect.asVoid(
        event.ok
          ? Deferred.succeed(asked, undefined)
          : Deferred.fail(
              asked,
              new CommandRefused({ message: event.message, errno: event.errno, late: lateWait(event) })
            )
      )
    }
    return Effect.forEach([...listeners], (listener) => listener(event), { discard: true })
  }

  yield* Effect.addFinalizer(() => {
    const end = { _tag: "Ended", exit: { _tag: "Killed" } } as const
    return Deferred.fail(lost, new GuestLost({ reason: end._tag, message: "the guest was left", end }))
  })
  yield* Effect.forkScoped(
    followGuest(vm, { ...options, planTimeoutMs: Number.POSITIVE_INFINITY, onEvent }).pipe(
      Effect.flatMap((result) => Deferred.fail(lost, guestLost(result)))
    )
  )

  const first = yield* Effect.raceFirst(Deferred.await(ready), Deferred.await(lost))
  const place = options.ring
  const writer = first.transport === "ring" && place !== undefined ? makeRingWriter(vm.memory, place) : undefined
  const doorbell = Uint8Array.of(0x07)

  /** Writes to the ring if it takes input, else to COM2. Waits if the guest is behind. */
  const put = (bytes: Uint8Array): Effect.Effect<void, VmmError> => {
    if (writer === undefined) return vm.channel.send(bytes)
    const written = writer.write(bytes)
    if (written === 0) {
      const again = Effect.delay(
        Effect.suspend(() => put(bytes)),
        1
      )
      return Effect.flatMap(Deferred.isDone(lost), (gone) => (gone ? Effect.void : again))
    }
    const rung = vm.channel.send(doorbell)
    return written === bytes.length
      ? rung
      : Effect.zipRight(
          rung,
          Effect.suspend(() => put(bytes.subarray(written)))
        )
  }

  /**
   * Sends a command. Once it has a sequence number it is always sent in full, even if its sender stops waiting; otherwise all later commands would be
   * out of sequence.
   */
  const send = (command: Command, asked?: Deferred.Deferred<void, CommandRefused>): Effect.Effect<void, GuestLost> =>
    Effect.suspend(() => {
      if (asked !== undefined) replies.set(seq, asked)
      return put(encodeCommand(command, seq++))
    }).pipe(
      line.withPermits(1),
      Effect.uninterruptible,
      Effect.disconnect,
      // If the channel is closed, the guest's end says more than the write error.
      Effect.catchAll(() => Deferred.await(lost)),
      Effect.raceFirst(Deferred.await(lost))
    )

  return {
    ready: first,
    tell: (command) => send(command),
    obey: (command) =>
      Effect.gen(function* () {
        const asked = yield* Deferred.make<void, CommandRefused>()
        yield* send(command, asked)
        yield* Effect.raceFirst(Deferred.await(asked), Deferred.await(lost))
      }),
    listen: (listener) =>
      Effect.acquireRelease(
        Effect.sync(() => void listeners.add(listener)),
        () => Effect.sync(() => void listeners.delete(listener))
      ),
    newProcessId: () => ++lastId,
    lost: Deferred.await(lost)
  }
})
