/**
 * Messages from the agent to the host (docs/protocol.md, "Events").
 *
 * @since 0.1.0
 */
import { Data, type Either } from "effect"
import {
  address,
  bool,
  bytes,
  type Codec,
  cpus,
  i32,
  list,
  numbered,
  oneOf,
  str,
  struct,
  u8,
  u32,
  u64
} from "./Codec.ts"
import type { Frame, ProtocolError } from "./Frame.ts"
import { guestLimits } from "./GuestLimits.ts"
import { printable } from "./GuestText.ts"
import { type MessageCodec, makeMessageCodec } from "./Message.ts"
import type {
  KernelSymbol,
  LogLevel,
  ProcessTelemetry,
  ReportedTopology,
  SchedulerTelemetry,
  WorkerTelemetry
} from "./Telemetry.ts"
import { WireError } from "./Wire.ts"

/**
 * The version of docs/protocol.md that this code implements.
 *
 * @since 0.1.0
 * @category constants
 */
export const protocolVersion = 2

/**
 * `step` of a `Stimulus` outside every step.
 *
 * @since 0.1.0
 * @category constants
 */
export const outsideSteps = 0xffffffff

/**
 * An event from the agent. Times are nanoseconds of the guest's monotonic clock.
 *
 * @since 0.1.0
 * @category models
 */
export type AgentEvent = Data.TaggedEnum<{
  Ready: {
    readonly version: number
    /** The transport of all later frames. */
    readonly transport: "serial" | "ring"
    readonly release: string
    readonly kernelVersion: string
    readonly timeNs: number
    readonly topology: ReportedTopology
    readonly symbols: ReadonlyArray<KernelSymbol>
    readonly notes: string
  }
  Symbols: { readonly symbols: ReadonlyArray<KernelSymbol>; readonly kernelCodeStart: bigint }
  Log: { readonly level: LogLevel; readonly text: string }
  Stimulus: {
    readonly timeNs: number
    readonly step: number
    readonly kind: string
    readonly detail: string
    readonly iterations: number
  }
  Step: {
    readonly timeNs: number
    readonly index: number
    readonly count: number
    readonly begin: boolean
    readonly label: string
  }
  /** `waitedNs`: how long the agent had waited in vain when it gave up at `timeNs`; 0 if the error is no timeout. */
  Error: {
    readonly timeNs: number
    readonly waitedNs: number
    readonly errno: number
    readonly where: string
    readonly message: string
  }
  Counters: {
    readonly timeNs: number
    readonly counters: ReadonlyArray<{
      readonly group: number
      readonly index: number
      readonly iterations: number
      readonly workUnits: number
    }>
  }
  Report: WorkerTelemetry
  Latencies: { readonly group: number; readonly index: number; readonly latenciesNs: ReadonlyArray<number> }
  /** `waitedNs`: as in `Error`; 0 if the command succeeded. */
  Reply: {
    readonly timeNs: number
    readonly waitedNs: number
    readonly command: number
    readonly ok: boolean
    readonly errno: number
    readonly message: string
  }
  Done: { readonly timeNs: number; readonly ok: boolean; readonly workers: number }
  Progress: { readonly timeNs: number; readonly elapsedNs: number; readonly holdNs: number }
  /** The scheduler has attached, `attachNs` after its start. `ops` is the kernel's name for it; empty for one of the kernel's own. */
  SchedStarted: {
    readonly timeNs: number
    readonly attachNs: number
    readonly ops: string
    readonly enableSeq: number
    readonly rejected: number
  }
  SchedEnded: SchedulerTelemetry
  /** Output of the scheduler. `tail`: the end of its output, after a part that was dropped. */
  SchedOutput: { readonly tail: boolean; readonly bytes: Uint8Array }
  /** Text of trace_pipe with `sched_ext_dump` lines. */
  SchedDump: { readonly bytes: Uint8Array }
  /** The file that `CgroupRead` requested, including newlines. */
  CgroupFile: { readonly path: string; readonly file: string; readonly text: string }
  /** `/proc/schedstat` at the end of a deterministic run; empty: the kernel has none. */
  Schedstat: { readonly text: string }
  /** A part of /sys/kernel/tracing/trace, only with `ktstr.trace=on`. */
  Trace: { readonly bytes: Uint8Array }
  /**
   * CPUs that went online or offline since the previous event, and which CPUs are online and isolated now, as cpulists. The last one comes before
   * `Done`.
   */
  Online: {
    readonly timeNs: number
    readonly changes: ReadonlyArray<{ readonly cpu: number; readonly online: boolean }>
    readonly online: string
    readonly isolated: string
  }
  /** `stdout`: standard output, or the terminal. */
  ProcOutput: { readonly id: number; readonly stream: "stdout" | "stderr"; readonly bytes: Uint8Array }
  ProcExit: ProcessTelemetry
  /** The process has read `bytes` bytes of its input. */
  ProcTaken: { readonly id: number; readonly bytes: number }
}>

/**
 * Constructors of the events.
 *
 * @since 0.1.0
 * @category constructors
 */
export const AgentEvent: Data.TaggedEnum.Constructor<AgentEvent> = Data.taggedEnum<AgentEvent>()

/** Names and messages may reach a terminal, so they are escaped and cut; contents of files are not. */
const text: Codec<string> = {
  ...str,
  read: (r) => {
    const whole = str.read(r)
    const kept = whole.length > guestLimits.textLength ? `${whole.slice(0, guestLimits.textLength)}…` : whole
    return printable(kept)
  }
}

/** Scheduling policy: 0 normal, 1 fifo, 2 round robin, 3 batch, 5 idle, 6 deadline, 7 sched_ext (include/uapi/linux/sched.h); 255: unknown. */
const kernelPolicy: Codec<number> = {
  ...u8,
  read: (r) => {
    const at = r.position
    const policy = u8.read(r)
    if (policy > 7 && policy !== 255) throw new WireError(`${policy} at byte ${at} is no scheduling policy`)
    return policy
  }
}

const topology: Codec<ReportedTopology> = struct({
  cpus: list(
    struct({
      cpu: u32,
      node: u32,
      package: u32,
      coreId: u32,
      llcId: u32,
      threadSiblings: text,
      llcShared: text
    })
  ),
  nodes: list(struct({ node: u32, cpulist: text, memTotalKb: u64, distances: list(u32) }))
})

const symbols: Codec<ReadonlyArray<KernelSymbol>> = list(struct({ name: text, address }))

const report: Codec<WorkerTelemetry> = struct({
  group: u32,
  index: u32,
  cgroup: text,
  label: text,
  role: u32,
  tid: u32,
  workUnits: u64,
  iterations: u64,
  cpuTimeNs: u64,
  wallTimeNs: u64,
  startTimeNs: u64,
  cpusUsed: cpus,
  migrationCount: u64,
  migrations: list(struct({ from: u32, to: u32, timeNs: u64 })),
  maxGapNs: u64,
  maxGapCpu: u32,
  maxGapAtNs: u64,
  wakeSeen: u64,
  wakeKept: u32,
  schedCpuTimeNs: u64,
  schedRunDelayNs: u64,
  schedTimesRun: u64,
  numaPages: list(struct({ node: u32, pages: u64 })),
  numaPagesMigrated: u64,
  completed: bool,
  exitKind: oneOf("finished", "exited", "signaled", "timed out"),
  exitValue: i32,
  allowedCpus: cpus,
  nice: i32,
  policy: kernelPolicy
})

const codec: MessageCodec<AgentEvent> = makeMessageCodec<AgentEvent>({
  Ready: {
    type: 0x8001,
    payload: struct({
      version: u32,
      transport: oneOf("serial", "ring"),
      release: text,
      kernelVersion: text,
      timeNs: u64,
      topology,
      symbols,
      notes: text
    })
  },
  Symbols: { type: 0x8002, payload: struct({ symbols, kernelCodeStart: address }) },
  Log: { type: 0x8003, payload: struct({ level: oneOf("error", "warning", "info", "debug"), text: text }) },
  Stimulus: { type: 0x8004, payload: struct({ timeNs: u64, step: u32, kind: text, detail: text, iterations: u64 }) },
  Step: { type: 0x8005, payload: struct({ timeNs: u64, index: u32, count: u32, begin: bool, label: text }) },
  Error: { type: 0x8006, payload: struct({ timeNs: u64, waitedNs: u64, errno: u32, where: text, message: text }) },
  Counters: {
    type: 0x8007,
    payload: struct({
      timeNs: u64,
      counters: list(struct({ group: u32, index: u32, iterations: u64, workUnits: u64 }))
    })
  },
  Report: { type: 0x8008, payload: report },
  Latencies: { type: 0x8009, payload: struct({ group: u32, index: u32, latenciesNs: list(u64) }) },
  Reply: {
    type: 0x800a,
    payload: struct({ timeNs: u64, waitedNs: u64, command: u32, ok: bool, errno: u32, message: text })
  },
  Done: { type: 0x800b, payload: struct({ timeNs: u64, ok: bool, workers: u32 }) },
  Progress: { type: 0x800c, payload: struct({ timeNs: u64, elapsedNs: u64, holdNs: u64 }) },
  CgroupFile: { type: 0x800d, payload: struct({ path: text, file: text, text: str }) },
  Schedstat: { type: 0x800e, payload: struct({ text: str }) },
  Trace: { type: 0x800f, payload: struct({ bytes }) },
  Online: {
    type: 0x8010,
    payload: struct({ timeNs: u64, changes: list(struct({ cpu: u32, online: bool })), online: str, isolated: str })
  },
  SchedStarted: {
    type: 0x8301,
    payload: struct({ timeNs: u64, attachNs: u64, ops: text, enableSeq: u64, rejected: u64 })
  },
  SchedEnded: {
    type: 0x8302,
    payload: struct({
      timeNs: u64,
      cause: oneOf("told to", "never attached", "by itself", "disabled", "watchdog"),
      kind: oneOf("exited", "signaled", "killed", "not run", "still runs"),
      value: i32,
      durationNs: u64,
      dropped: u64,
      rejected: u64,
      state: text,
      kernelLog: list(text),
      message: text
    })
  },
  SchedOutput: { type: 0x8303, payload: struct({ tail: bool, bytes }) },
  SchedDump: { type: 0x8304, payload: struct({ bytes }) },
  ProcOutput: { type: 0x8401, payload: struct({ id: u32, stream: numbered({ stdout: 1, stderr: 2 }), bytes }) },
  ProcExit: {
    type: 0x8402,
    payload: struct({
      id: u32,
      kind: oneOf("exited", "signaled", "timed out", "not run"),
      value: i32,
      durationNs: u64,
      dropped: u64,
      stopped: bool,
      message: text
    })
  },
  ProcTaken: { type: 0x8403, payload: struct({ id: u32, bytes: u64 }) }
})

/**
 * Encodes an event as a frame, as the agent does.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeEvent = (event: AgentEvent, seq: number): Uint8Array => codec.encode(event, seq)

/**
 * Decodes an event; an unknown type or malformed payload is a `ProtocolError` at the frame's offset.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeEvent = (frame: Frame): Either.Either<AgentEvent, ProtocolError> => codec.decode(frame)
