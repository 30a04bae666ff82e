/**
 * A qemu process as a machine: its ports, its end and its monitor.
 *
 * @since 0.1.0
 */
import type { Readable } from "node:stream"
import { isRestartLine, panicMessage } from "@ktstr/core/kernel"
import { ConsoleLog, meterHostDelay, type Vm, type VmExit, VmmError } from "@ktstr/core/machine"
import { Deferred, Effect, FiberId, type Scope } from "effect"
import { bootRefusal } from "./BootRefusal.ts"
import { makeByteChannel } from "./ByteChannel.ts"
import { vmExit } from "./ExitCause.ts"
import { makeHostUsage } from "./HostUsage.ts"
import type { Ports } from "./Ports.ts"
import { type QemuProcess, spawnQemu } from "./QemuProcess.ts"
import { makeQmp, type Qmp, type QmpError, type QmpEvent } from "./Qmp.ts"

/** A kernel told not to reboot after a panic is given so long to print it out. Milliseconds. */
const panicGraceMs = 10_000

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
  /** The guest has the host's time, which the host may withhold. */
  readonly hostTime: boolean
}

/**
 * The part of a {@link Vm} that the process gives.
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

/** What is seen of a machine while it runs and judged when it is gone. */
export class Witness {
  readonly log = new ConsoleLog()
  readonly exit = Deferred.unsafeMake<VmExit>(FiberId.none)
  private shutdown: string | undefined
  private panic: string | undefined
  private restarting = false
  private registers = ""
  private panicTimer: NodeJS.Timeout | undefined
  private monitor: Qmp | undefined

  constructor(
    private readonly child: Pick<QemuProcess, "end" | "stderr" | "kill">,
    console: Readable,
    private readonly sampleUsage: () => void
  ) {
    console.on("data", (bytes: Uint8Array) => this.read(this.log.push(bytes)))
    const silent = new Promise((resolve) => console.once("close", resolve))
    Promise.all([child.end, silent]).then(([end]) => {
      clearTimeout(this.panicTimer)
      this.read(this.log.end())
      const { shutdown, panic, restarting, registers } = this
      const stderr = lastLine(child.stderr())
      Deferred.unsafeDone(this.exit, Effect.succeed(vmExit({ shutdown, panic, restarting, registers, stderr, ...end })))
    })
  }

  /** The monitor answers from now on: events that came earlier are acted on. */
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

  private read(lines: ReadonlyArray<string>): void {
    for (const line of lines) {
      this.restarting ||= isRestartLine(line)
      const panic = panicMessage(line)
      if (panic === undefined || this.panic !== undefined) continue
      this.panic = panic
      this.panicTimer = setTimeout(() => this.child.kill(), panicGraceMs).unref()
    }
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
const connect = (child: QemuProcess, witness: Witness, kernel: string): Effect.Effect<Qmp, VmmError> =>
  Effect.catchAll(makeQmp(child.qmp, witness.onEvent), (error) =>
    error.kind === "Closed"
      ? Effect.flatMap(
          Effect.promise(() => child.end),
          () => Effect.fail(bootRefusal(child.stderr(), kernel))
        )
      : Effect.fail(monitorError("start")(error))
  )

/** The longest time that qemu lets one emulated CPU run before it turns to the next on the same thread (its kick period), milliseconds. */
const turnMs = 100

/** The host's number of the thread that runs each vCPU. */
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
    const child = yield* spawnQemu(options)
    const usage = makeHostUsage(child.pid)
    child.end.then(options.ports.writerGone)
    const witness = new Witness(child, options.ports.console, usage.sample)
    const channel = makeByteChannel(options.ports.incoming, options.ports.outgoing)
    const monitor = yield* connect(child, witness, options.kernel)
    witness.connected(monitor)
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
