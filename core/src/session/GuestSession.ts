/**
 * Follows a guest from its start to its end: what the agent sent, which stage the guest reached, and why it ended. A guest that dies, hangs or sends
 * invalid data gives a result with a cause, not an error of the host.
 *
 * @since 0.1.0
 */
import { Clock, Deferred, Effect, Option, Queue, Stream } from "effect"
import { nextTurn } from "../base/index.ts"
import type { GuestMemory, Vm, VmExit, VmmError } from "../machine/index.ts"
import { type AgentEvent, makeEventHash, type ProtocolError } from "../protocol/index.ts"
import type { InitStage } from "./InitStage.ts"
import { readKernelLog } from "./PrintkRing.ts"
import { makeTransport } from "./Transport.ts"

/**
 * How to follow a guest.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionOptions {
  readonly ring: { readonly address: number; readonly size: number } | undefined
  /** Milliseconds from the call of `followGuest`, just after the machine's start, to the agent's first frame. */
  readonly bootTimeoutMs: number
  /** Milliseconds for which the console may say nothing new while the kernel boots, however much time is left. Default: all of it. */
  readonly bootSilenceMs?: number | undefined
  /** Milliseconds from the first frame to `DONE`. */
  readonly planTimeoutMs: number
  /** Do not write to the guest, and hash everything it sends. Default false. */
  readonly deterministic?: boolean | undefined
  /** Receives every event in order; must not fail. */
  readonly onEvent: (event: AgentEvent) => Effect.Effect<void>
}

/**
 * How a session ended.
 *
 * @since 0.1.0
 * @category models
 */
export type GuestEnd =
  | { readonly _tag: "Done"; readonly ok: boolean }
  | { readonly _tag: "Ended"; readonly exit: VmExit }
  | { readonly _tag: "Protocol"; readonly error: ProtocolError }
  | { readonly _tag: "Channel"; readonly error: VmmError }
  | { readonly _tag: "BootTimeout"; readonly ms: number }
  /** The boot stalled: the console printed nothing new for `ms` milliseconds. */
  | { readonly _tag: "BootStalled"; readonly ms: number }
  | { readonly _tag: "PlanTimeout"; readonly ms: number }

/**
 * What is known at the end of a session.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionResult {
  readonly end: GuestEnd
  readonly stage: typeof InitStage.Type
  /** Host milliseconds from the call to the first frame; undefined if there was none. */
  readonly bootMs: number | undefined
  /** SHA-256 of everything the agent sent; undefined: not requested. */
  readonly eventHash?: string | undefined
  /** The kernel's log from guest memory, if the agent never started; otherwise empty, as it is if no log was found. */
  readonly kernelLog: ReadonlyArray<string>
}

/** Milliseconds of receiving after which everything else has its turn: a guest may send faster than events are handled. */
const receivingMs = 8

type Signal = { readonly _tag: "Ready" } | { readonly _tag: "End"; readonly end: GuestEnd }

const stageOf = (
  vm: Vm,
  reached: typeof InitStage.Type | undefined,
  kernelLog: ReadonlyArray<string>
): typeof InitStage.Type => {
  if (reached !== undefined) return reached
  const console = vm.consoleTail(Number.POSITIVE_INFINITY)
  // Lines of the firmware do not show that the kernel has started.
  if (!console.some((line) => /^\[\s*\d+\.\d+\]/.test(line))) return "no console output"
  const started = (line: string): boolean => /Run \S+ as init process|ktstr-agent:/.test(line)
  return console.some(started) || kernelLog.some(started) ? "init started" : "kernel booting"
}

/** Reads the kernel's log from guest memory; empty if the memory is gone with its machine. */
const logInMemory = (memory: GuestMemory): Effect.Effect<ReadonlyArray<string>> =>
  // The memory dies while it is read if the machine is killed.
  readKernelLog(memory).pipe(Effect.catchAllDefect(() => Effect.succeed([])))

/**
 * Follows a guest until its agent is done, the machine ends, the stream breaks or time is up. Never fails. Leaves the machine running: its scope ends
 * it.
 *
 * @since 0.1.0
 * @category running
 */
export const followGuest: (vm: Vm, options: SessionOptions) => Effect.Effect<SessionResult> = Effect.fn(
  "GuestSession.follow"
)(function* (vm: Vm, options: SessionOptions) {
  const began = yield* Clock.currentTimeMillis
  const signals = yield* Queue.unbounded<Signal>()
  const hash = options.deterministic === true ? makeEventHash() : undefined
  const transport = makeTransport(vm.memory, options.ring, { readOnly: options.deterministic, onFrame: hash?.add })
  let reached: typeof InitStage.Type | undefined
  let bootMs: number | undefined

  const handle = Effect.fnUntraced(function* (event: AgentEvent) {
    // Ignore everything after `DONE`: later reports would be lost.
    if (reached === "scenario done") return
    if (event._tag === "Ready") {
      bootMs = (yield* Clock.currentTimeMillis) - began
      reached = "agent ready"
      yield* signals.offer({ _tag: "Ready" })
    } else if (event._tag === "Step") {
      reached = "scenario running"
    }
    yield* options.onEvent(event)
    if (event._tag === "Done") {
      reached = "scenario done"
      yield* signals.offer({ _tag: "End", end: { _tag: "Done", ok: event.ok } })
    }
  })

  let busyMs = 0
  const receive = Effect.fnUntraced(function* (chunk: Uint8Array) {
    const began = performance.now()
    const { events, error } = transport.receive(chunk)
    yield* Effect.forEach(events, handle, { discard: true })
    if (error !== undefined) return yield* error
    busyMs += performance.now() - began
    if (busyMs < receivingMs) return
    busyMs = 0
    yield* nextTurn
  })

  const endOfStream = Effect.gen(function* () {
    // All data before the end is handled before the exit is examined, so the reports of a guest that then died still count.
    const exit = yield* Deferred.await(vm.exit)
    const torn = transport.end()
    return exit._tag === "PowerOff" && torn !== undefined
      ? ({ _tag: "Protocol", error: torn } as const)
      : ({ _tag: "Ended", exit } as const)
  })

  const listen = vm.channel.incoming.pipe(
    Stream.runForEach(receive),
    Effect.zipRight(endOfStream),
    Effect.catchTags({
      ProtocolError: (error) => Effect.succeed({ _tag: "Protocol", error } as const),
      VmmError: (error) => Effect.succeed({ _tag: "Channel", error } as const)
    }),
    Effect.flatMap((end) => signals.offer({ _tag: "End", end }))
  )

  /** Returns the next signal, or undefined after `ms` milliseconds. */
  const next = (ms: number) => Queue.take(signals).pipe(Effect.timeoutOption(ms), Effect.map(Option.getOrUndefined))

  const boot = Effect.gen(function* () {
    const { bootTimeoutMs, bootSilenceMs = bootTimeoutMs } = options
    let lastLine: string | undefined
    let heardAt = began
    for (;;) {
      const now = yield* Clock.currentTimeMillis
      const [line] = vm.consoleTail(1)
      if (line !== lastLine) {
        lastLine = line
        heardAt = now
      }
      const left = began + bootTimeoutMs - now
      if (left <= 0) return { _tag: "BootTimeout", ms: bootTimeoutMs } as const
      if (now - heardAt >= bootSilenceMs) return { _tag: "BootStalled", ms: bootSilenceMs } as const
      const signal = yield* next(Math.min(left, Math.max(1, bootSilenceMs / 10)))
      if (signal !== undefined) return signal
    }
  })

  const end = yield* Effect.gen(function* () {
    yield* Effect.forkScoped(listen)
    const first = yield* boot
    if (first._tag === "BootTimeout" || first._tag === "BootStalled") return first
    if (first._tag === "End") return first.end
    const second = yield* next(options.planTimeoutMs)
    if (second === undefined) return { _tag: "PlanTimeout", ms: options.planTimeoutMs } as const
    return second._tag === "End" ? second.end : ({ _tag: "PlanTimeout", ms: options.planTimeoutMs } as const)
  }).pipe(Effect.scoped)

  const kernelLog = reached === undefined ? yield* logInMemory(vm.memory) : []
  return { end, stage: stageOf(vm, reached, kernelLog), bootMs, kernelLog, eventHash: hash?.digest() }
})

/** Hint for a silent kernel: the one cause that the machine's description can't rule out. */
const silent = "does the kernel have a serial console (CONFIG_SERIAL_8250_CONSOLE=y)?"

const atStage = (stage: SessionResult["stage"]): string =>
  stage === "no console output" ? `stage: ${stage}; ${silent}` : `stage: ${stage}`

/**
 * Returns the cause of a session's end in one line; undefined for an orderly end.
 *
 * @since 0.1.0
 * @category messages
 */
export const describeEnd = (result: SessionResult): string | undefined => {
  const { end, stage } = result
  switch (end._tag) {
    case "Done":
      return undefined
    case "Protocol":
      return `the agent's channel broke: ${end.error.message} (at byte ${end.error.offset} of the stream, stage: ${stage})`
    case "Channel":
      return `the agent's channel was lost: ${end.error.message} (stage: ${stage})`
    case "BootTimeout":
      return `the guest did not reach the agent within ${Math.round(end.ms / 1000)}s (${atStage(stage)})`
    case "BootStalled":
      return `the guest stopped in its boot: its console said nothing new for ${Math.round(end.ms / 1000)}s (${atStage(stage)})`
    case "PlanTimeout":
      return `the scenario did not end within ${Math.round(end.ms / 1000)}s (stage: ${stage})`
    case "Ended":
      return `${describeExit(end.exit)} (${end.exit._tag === "PowerOff" ? atStage(stage) : `stage: ${stage}`})`
  }
}

/**
 * Describes a machine's end in one line.
 *
 * @since 0.1.0
 * @category messages
 */
export const describeExit = (exit: VmExit): string => {
  switch (exit._tag) {
    case "PowerOff":
      return "the guest powered off before the scenario was done"
    case "Reset":
      return "the guest reset itself"
    case "Panic":
      return `the guest kernel panicked: ${exit.message}`
    case "TripleFault":
      return `the guest ended in a triple fault at ${instructionPointer(exit.registers)}`
    case "Killed":
      return "the machine was killed"
    case "AgentEnded":
      return exit.message
    case "VcpuError":
      return `the machine failed: ${firstLine(exit.message)}`
    case "DeviceError":
      return `a device of the machine failed on the host: ${firstLine(exit.message)}`
  }
}

const firstLine = (text: string): string => text.split("\n", 1)[0] ?? ""

/** Returns the instruction pointer of the first vCPU described. */
const instructionPointer = (registers: string): string =>
  /\b[ER]IP=[0-9a-f]+/i.exec(registers)?.[0] ?? "an unknown address"

/**
 * Returns {@link describeExit}, followed by the registers on lines of their own if there are any.
 *
 * @since 0.1.0
 * @category messages
 */
export const accountOfExit = (exit: VmExit): string => {
  const [, ...rest] = exit._tag === "VcpuError" ? exit.message.split("\n") : []
  const registers = exit._tag === "TripleFault" ? exit.registers : rest.join("\n")
  return [describeExit(exit), registers].join("\n").trimEnd()
}
