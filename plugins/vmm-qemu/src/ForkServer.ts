/**
 * A machine that has booted to its fork point, from which others go on.
 *
 * @since 0.2.0
 */
import * as fs from "node:fs"
import { openNameless } from "@ktstr/core/host"
import { channelOfStreams, type GuestMemory, type Vm, VmmError, type VmSpec } from "@ktstr/core/machine"
import { Deferred, Effect, FiberId, type Scope } from "effect"
import { bootRefusal } from "./BootRefusal.ts"
import { type FilePorts, makeFilePorts } from "./FilePorts.ts"
import { type ForkedProcess, makeForkControl } from "./ForkControl.ts"
import { pluginRefusal } from "./Guards.ts"
import { makeHostUsage } from "./HostUsage.ts"
import { type Machine, QemuWitness } from "./Machine.ts"
import { inheritedPath, type ProcessEnd, spawnQemu } from "./QemuProcess.ts"

/**
 * The physical range that host and guest share: the ring and the plan after it.
 *
 * @since 0.2.0
 * @category models
 */
export interface SharedRange {
  readonly address: number
  readonly size: number
  /** Where the plan begins in the range. */
  readonly planAt: number
}

/**
 * Returns the range of a spec; undefined if it has none that a fork can share.
 *
 * @since 0.2.0
 * @category conversions
 */
export const sharedRange = ({ handover, ring }: VmSpec): SharedRange | undefined =>
  ring === undefined || handover === undefined || handover.address !== ring.address + ring.size
    ? undefined
    : { address: ring.address, size: ring.size + handover.size, planAt: ring.size }

/**
 * A machine that goes on from another's fork point.
 *
 * @since 0.2.0
 * @category models
 */
export type ForkedMachine = Machine & { readonly memory: GuestMemory }

/**
 * A machine at its fork point.
 *
 * @since 0.2.0
 * @category models
 */
export interface ForkServer {
  /** Makes a machine that goes on from the fork point with this plan. Closing the scope kills it. */
  readonly fork: (plan: Uint8Array) => Effect.Effect<ForkedMachine, VmmError, Scope.Scope>
}

/**
 * @since 0.2.0
 * @category models
 */
export interface ForkServerOptions {
  readonly binary: string
  /** For error messages. */
  readonly kernel: string
  /** Path of ktstr's plugin. */
  readonly plugin: string
  readonly range: SharedRange
  /** Bytes of the guest's memory. */
  readonly memoryBytes: number
  /** Open files that qemu inherits, in order; the ports follow them. */
  readonly files: ReadonlyArray<number>
  /** The arguments, given the plugin's. */
  readonly args: (plugin: string) => ReadonlyArray<string>
}

const io = (what: string, cause: unknown): VmmError =>
  new VmmError({ reason: "Io", message: `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, cause })

const openRange = ({ size }: SharedRange): Effect.Effect<number, VmmError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const file = openNameless("/dev/shm", "range")
        fs.ftruncateSync(file, size)
        return file
      },
      catch: (cause) => io("can't make the shared range in /dev/shm", cause)
    }),
    (file) => Effect.sync(() => fs.closeSync(file))
  )

/** What a qemu said that ended before its guest's fork point. */
const refusal = (stderr: string, kernel: string): VmmError => {
  const error = bootRefusal(stderr, kernel)
  return pluginRefusal.test(stderr)
    ? new VmmError({ reason: "BackendMissing", message: `machines can't be forked here: ${error.message}` })
    : error
}

/** A kernel that boots says something new at least every few seconds, on a host that has other work as well. */
const patienceMs = 300_000

/** Fails when the console has said nothing new for {@link patienceMs}. */
const silence = (console: number): Effect.Effect<never, VmmError> =>
  Effect.gen(function* () {
    for (let size = -1; ; ) {
      const now = fs.fstatSync(console).size
      if (now === size) return yield* new VmmError({ reason: "BootFailed", message: "the machine's boot stalled" })
      size = now
      yield* Effect.sleep(patienceMs)
    }
  })

const copy = (from: number, to: number, bytes: number): void => {
  const chunk = Buffer.allocUnsafe(256 * 1024)
  for (let at = 0; at < bytes; ) {
    const count = fs.readSync(from, chunk, 0, Math.min(chunk.length, bytes - at), at)
    if (count === 0) return
    fs.writeSync(to, chunk, 0, count, at)
    at += count
  }
}

/** Bytes of the ring that have been written: its first page, and the data up to the head (docs/protocol.md, "Ring"). */
const ringBytes = (range: number, most: number): number => {
  const header = Buffer.alloc(8)
  fs.readSync(range, header, 0, 8, 64)
  const head = header.readBigUInt64LE()
  return head > BigInt(most - 4096) ? most : 4096 + Number(head)
}

/** Only what the machine shares with the host can be seen. */
const rangeMemory = (file: number, { address, size }: SharedRange, total: number): GuestMemory => {
  const within = (at: number, length: number): number => {
    const from = at - address
    if (!Number.isSafeInteger(at) || from < 0 || length < 0 || from + length > size) {
      throw new RangeError(`guest-physical 0x${at.toString(16)}: a forked machine shows only its shared range`)
    }
    return from
  }
  return {
    size: total,
    read: (at, length) => {
      const bytes = new Uint8Array(length)
      fs.readSync(file, bytes, 0, length, within(at, length))
      return bytes
    },
    write: (at, bytes) => {
      fs.writeSync(file, bytes, 0, bytes.length, within(at, bytes.length))
    }
  }
}

/** Exit codes of a forked machine (native/plugin/child.h), with qemu's reasons (qapi/run-state.json, ShutdownCause). */
const shutdownBase = 16
const shutdownCauses = [
  "none",
  "host-error",
  "host-qmp-quit",
  "host-qmp-system-reset",
  "host-signal",
  "host-ui",
  "guest-shutdown",
  "guest-reset",
  "guest-panic"
]

const shutdownOf = (code: number | null): string | undefined =>
  code === 0 ? "guest-shutdown" : code === null ? undefined : shutdownCauses[code - shutdownBase]

const unpausable = (process: ForkedProcess, signal: NodeJS.Signals) =>
  Effect.try({
    try: () => {
      globalThis.process.kill(process.pid, signal)
    },
    catch: (cause) => io("can't reach the machine", cause)
  })

const machineOf = (process: ForkedProcess, ports: FilePorts): Machine => {
  const usage = makeHostUsage(process.pid)
  const end = Deferred.unsafeMake<ProcessEnd>(FiberId.none)
  const judged = Effect.map(Deferred.await(process.end), (how) => {
    witness.onEvent({ event: "SHUTDOWN", data: { reason: shutdownOf(how.code) } })
    ports.writerGone()
    return { ...how, code: shutdownOf(how.code) === undefined ? how.code : 0 }
  })
  const witness: QemuWitness = new QemuWitness(
    { end, stderr: () => "", kill: () => Effect.runFork(process.kill) },
    ports.console,
    usage.sample
  )
  Effect.runFork(Effect.intoDeferred(judged, end))
  return {
    hostDelay: undefined,
    console: witness.log.stream,
    consoleTail: (n: number) => witness.log.tail(n),
    channel: channelOfStreams(ports.incoming, ports.outgoing),
    exit: witness.exit,
    stats: Effect.sync(() => ({ ...usage.sample() })),
    pause: unpausable(process, "SIGSTOP"),
    resume: unpausable(process, "SIGCONT")
  } satisfies Omit<Vm, "memory" | "clock" | "backend">
}

/**
 * Boots a machine to its fork point. Closing the scope kills it and everything forked from it.
 *
 * @since 0.2.0
 * @category constructors
 */
export const startForkServer = (options: ForkServerOptions): Effect.Effect<ForkServer, VmmError, Scope.Scope> =>
  Effect.gen(function* () {
    const { range } = options
    const shared = yield* openRange(range)
    const count = options.files.length
    const parent = yield* makeFilePorts([inheritedPath(count), inheritedPath(count + 1)])
    const files = [...options.files, ...parent.files, shared]
    const fd = (index: number): string => inheritedPath(index).split("/").at(-1) ?? ""
    const plugin = [
      `file=${options.plugin}`,
      `control=${fd(files.length)}`,
      `com1=${fd(count)}`,
      `com2=${fd(count + 1)}`,
      `range=${fd(count + 2)}`,
      `address=0x${range.address.toString(16)}`,
      `size=0x${range.size.toString(16)}`
    ].join(",")
    const qemu = yield* spawnQemu({
      binary: options.binary,
      files,
      args: options.args(plugin),
      control: true,
      preload: options.plugin
    })
    const control = makeForkControl(qemu.control!)
    const gone = Effect.map(Deferred.await(qemu.end), () => control.gone(refusal(qemu.stderr(), options.kernel)))
    yield* Effect.forkDaemon(gone)
    yield* Effect.raceFirst(control.serving, silence(parent.files[0]))
    return {
      fork: (plan) =>
        Effect.gen(function* () {
          const ports = yield* makeFilePorts(["", ""])
          const file = yield* openRange(range)
          yield* Effect.try({
            try: () => {
              for (const index of [0, 1] as const) {
                copy(parent.files[index], ports.files[index], fs.fstatSync(parent.files[index]).size)
              }
              copy(shared, file, ringBytes(shared, range.planAt))
              fs.writeSync(file, plan, 0, plan.length, range.planAt)
            },
            catch: (cause) => io("can't make the files of a forked machine", cause)
          })
          const child = yield* Effect.acquireRelease(
            control.fork({ com1: ports.files[0], com2: ports.files[1], range: file }),
            (process) => Effect.zipRight(process.kill, Deferred.await(process.end))
          )
          return { ...machineOf(child, ports), memory: rangeMemory(file, range, options.memoryBytes) }
        })
    }
  })
