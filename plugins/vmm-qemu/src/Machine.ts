/**
 * A qemu process as a machine: its ports, its end and its monitor.
 *
 * @since 0.1.0
 */
import type { Readable } from "node:stream"
import { channelOfStreams, MachineWitness, meterHostDelay, type Vm, VmmError } from "@ktstr/core/machine"
import { Deferred, Effect, type Scope } from "effect"
import { bootRefusal } from "./BootRefusal.ts"
import { seenEnd } from "./ExitCause.ts"
import { makeHostUsage } from "./HostUsage.ts"
import type { Ports } from "./Ports.ts"
import { type QemuProcess, spawnQemu } from "./QemuProcess.ts"
import { makeQmp, type Qmp, type QmpError, type QmpEvent } from "./Qmp.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface MachineOptions {
  readonly binary: string
  /** For error messages. */
  readonly kernel: string
  readonly args: ReadonlyArray<string>
  /** The pipes named in `args`. */
  readonly ports: Ports
  /** Open files that qemu inherits, in order. */
  readonly files: ReadonlyArray<number>
  /** Whether the guest runs in host time, so that the host can delay it. */
  readonly hostTime: boolean
  /** Path of ktstr's plugin, if the machine has it: it is loaded early, and the machine does nothing before the monitor tells it to start. */
  readonly plugin?: string | undefined
}

/**
 * The part of a {@link Vm} that the process provides.
 *
 * @since 0.1.0
 * @category models
 */
export type Machine = Omit<Vm, "memory" | "clock" | "backend">

const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1)?.trim() ?? ""

const monitorError =
  (what: string) =>
  (error: QmpError): VmmError =>
    new VmmError({ reason: "Io", message: `can't ${what} the machine: ${error.message}`, cause: error })

/** Observes a machine while it runs and judges its end. */
export class QemuWitness {
  private readonly seen: MachineWitness
  private shutdown: string | undefined
  private registers = ""
  private monitor: Qmp | undefined

  constructor(
    private readonly child: Pick<QemuProcess, "end" | "stderr" | "kill">,
    console: Readable,
    private readonly sampleUsage: () => void
  ) {
    this.seen = new MachineWitness(child.kill)
    console.on("data", (bytes: Uint8Array) => this.seen.hear(bytes))
    const silent = Effect.async<void>((resume) => {
      console.once("close", () => resume(Effect.void))
    })
    Effect.runFork(
      Effect.map(Effect.zipLeft(Deferred.await(child.end), silent, { concurrent: true }), (end) => {
        const { registers, shutdown } = this
        this.seen.ended(seenEnd({ shutdown, registers, stderr: lastLine(child.stderr()), ...end }))
      })
    )
  }

  get log(): MachineWitness["log"] {
    return this.seen.log
  }

  get exit(): Vm["exit"] {
    return this.seen.exit
  }

  /** Called when the monitor answers: acts on earlier events. */
  connected(monitor: Qmp): void {
    this.monitor = monitor
    if (this.shutdown !== undefined) this.finish()
  }

  readonly onEvent = ({ event, data }: QmpEvent): void => {
    if (event !== "SHUTDOWN" || this.shutdown !== undefined) return
    this.shutdown = String(data.reason)
    this.sampleUsage()
    this.finish()
  }

  /** qemu stays, paused, after the guest's end. A reset may be a triple fault, which only the registers explain. */
  private finish(): void {
    if (this.monitor === undefined) return
    if (this.shutdown !== "guest-reset") {
      this.child.kill()
      return
    }
    const registers = this.monitor.execute("human-monitor-command", { "command-line": "info registers -a" })
    Effect.runFork(
      registers.pipe(
        Effect.tap((text) => {
          this.registers = String(text)
        }),
        Effect.ignore,
        Effect.ensuring(Effect.sync(() => this.child.kill()))
      )
    )
  }
}

/** Waits until qemu has built the machine, or says why it hasn't. */
const connect = (child: QemuProcess, witness: QemuWitness, kernel: string): Effect.Effect<Qmp, VmmError> =>
  Effect.catchAll(makeQmp(child.qmp, witness.onEvent), (error) =>
    error.kind === "Closed"
      ? Effect.flatMap(Deferred.await(child.end), () => Effect.fail(bootRefusal(child.stderr(), kernel)))
      : Effect.fail(monitorError("start")(error))
  )

/** Maximum time for which qemu runs one emulated CPU before the next on the same thread (its kick period), in milliseconds. */
const turnMs = 100

/** Returns the host's thread ID for each vCPU. */
const vcpuThreads = (monitor: Qmp): Effect.Effect<ReadonlyArray<number>> =>
  monitor.execute("query-cpus-fast").pipe(
    Effect.map((cpus) => (cpus as ReadonlyArray<Record<string, unknown>>).map((cpu) => Number(cpu["thread-id"]))),
    Effect.orElseSucceed(() => [])
  )

/** The guest's timers run on qemu's first thread. */
const meter = (pid: number, monitor: Qmp) =>
  Effect.flatMap(vcpuThreads(monitor), (vcpus) => {
    const distinct = new Set(vcpus)
    return meterHostDelay({
      pid,
      threads: vcpus.length === 0 ? [] : [...new Set([pid, ...distinct])],
      turnMs: distinct.size < vcpus.length ? turnMs : 0
    })
  })

/**
 * Starts a machine and waits until it runs. Closing the scope kills it; its `exit` is then `Killed` unless it had ended before.
 *
 * @since 0.1.0
 * @category constructors
 */
export const startMachine = (options: MachineOptions): Effect.Effect<Machine, VmmError, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* spawnQemu({ ...options, preload: options.plugin })
    const usage = makeHostUsage(child.pid)
    yield* Effect.forkDaemon(Effect.map(Deferred.await(child.end), options.ports.writerGone))
    const witness = new QemuWitness(child, options.ports.console, usage.sample)
    const channel = channelOfStreams(options.ports.incoming, options.ports.outgoing)
    const monitor = yield* connect(child, witness, options.kernel)
    witness.connected(monitor)
    // The answer comes only when the guest idles or ends; how the machine ends says whether it could start.
    if (options.plugin !== undefined) yield* Effect.forkDaemon(Effect.ignore(monitor.execute("cont")))
    // Connected means that the machine is built, so qemu has opened its pipes.
    yield* options.ports.forget
    return {
      hostDelay: options.hostTime ? yield* meter(child.pid, monitor) : undefined,
      console: witness.log.stream,
      consoleTail: (n: number) => witness.log.tail(n),
      channel,
      exit: witness.exit,
      stats: Effect.sync(() => ({ ...usage.sample() })),
      pause: Effect.asVoid(Effect.mapError(monitor.execute("stop"), monitorError("pause"))),
      resume: Effect.asVoid(Effect.mapError(monitor.execute("cont"), monitorError("resume")))
    }
  })
